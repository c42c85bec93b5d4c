package bench

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	gcblob "gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/s3blob"
	"golang.org/x/sync/errgroup"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/folder"
	"github.com/inlet-go/inlet/blob/s3"
)

// job is what a client process is asked to do, in its environment.
type job struct {
	client, endpoint, access, secret, bucket, dest string

	files int   // to fill with
	size  int64 // of each
	whole bool  // each sent in one request, whatever its size
}

func jobFromEnv() job {
	files, _ := strconv.Atoi(os.Getenv("BENCH_FILES"))
	size, _ := strconv.ParseInt(os.Getenv("BENCH_SIZE"), 10, 64)
	return job{
		files: files, size: size, whole: os.Getenv("BENCH_WHOLE") != "",
		client: os.Getenv("BENCH_CLIENT"), endpoint: os.Getenv("BENCH_ENDPOINT"), access: os.Getenv("BENCH_ACCESS"),
		secret: os.Getenv("BENCH_SECRET"), bucket: os.Getenv("BENCH_BUCKET"), dest: os.Getenv("BENCH_DEST"),
	}
}

func (j job) env() []string {
	whole := ""
	if j.whole {
		whole = "1"
	}
	return append(os.Environ(), "BENCH_WHOLE="+whole, "BENCH_CLIENT="+j.client, "BENCH_ENDPOINT="+j.endpoint, "BENCH_ACCESS="+j.access,
		"BENCH_SECRET="+j.secret, "BENCH_BUCKET="+j.bucket, "BENCH_DEST="+j.dest,
		fmt.Sprintf("BENCH_FILES=%d", j.files), fmt.Sprintf("BENCH_SIZE=%d", j.size))
}

// run does the job in this process.
func (j job) run(ctx context.Context) error {
	switch j.client {
	case "inlet":
		return j.inlet(ctx, nil)
	case "inlet-relaxed":
		return j.inlet(ctx, &folder.Options{Relaxed: true})
	case "gocloud":
		return j.gocloud(ctx)
	case "list":
		return j.list(ctx)
	case "fill":
		return j.fillBucket(ctx)
	}
	return fmt.Errorf("no client %q", j.client)
}

func (j job) open(ctx context.Context, opts *s3.Options) (*s3.Bucket, error) {
	return s3.Open(ctx, s3.Config{
		Endpoint: j.endpoint, Region: "us-east-1", Bucket: j.bucket, AccessKeyID: j.access, SecretAccessKey: j.secret, PathStyle: true,
	}, opts)
}

// syncEvery is how many files the task runner makes durable at once.
const syncEvery = 100

// inlet copies as the task runner does: listed while it copies, hashed, and
// durable in groups.
func (j job) inlet(ctx context.Context, opts *folder.Options) error {
	src, err := j.open(ctx, nil)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := folder.Open(j.dest, opts)
	if err != nil {
		return err
	}
	defer dst.Close()
	var listed error
	items := func(yield func(blob.Item) bool) {
		for obj, err := range src.List(ctx, "", nil) {
			if err != nil {
				listed = err
				return
			}
			if !yield(blob.Item{Source: obj, Key: obj.Key}) {
				return
			}
		}
	}
	pending := 0
	err = blob.NewTransfer(&blob.TransferOptions{Deferred: true}).Copy(ctx, dst, src, iter.Seq[blob.Item](items), &blob.CopyOptions{
		Done: func(r blob.Result) error {
			if r.Err != nil {
				return r.Err
			}
			if pending++; pending < syncEvery {
				return nil
			}
			pending = 0
			return dst.Sync(ctx)
		},
	})
	if err == nil {
		err = listed
	}
	if err != nil {
		return err
	}
	return dst.Sync(ctx)
}

// gocloud copies as the documentation of gocloud.dev suggests, 32 at a time.
func (j job) gocloud(ctx context.Context) error {
	client := awss3.New(awss3.Options{
		Region: "us-east-1", BaseEndpoint: &j.endpoint, UsePathStyle: true,
		Credentials:                credentials.NewStaticCredentialsProvider(j.access, j.secret, ""),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	})
	src, err := s3blob.OpenBucket(ctx, client, j.bucket, nil)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := fileblob.OpenBucket(j.dest, &fileblob.Options{NoTempDir: true})
	if err != nil {
		return err
	}
	defer dst.Close()
	var group errgroup.Group
	group.SetLimit(32)
	list := src.List(nil)
	for {
		obj, err := list.Next(ctx)
		if err == io.EOF {
			return group.Wait()
		}
		if err != nil {
			return err
		}
		group.Go(func() error { return plainCopy(ctx, dst, src, obj.Key) })
	}
}

func plainCopy(ctx context.Context, dst, src *gcblob.Bucket, key string) error {
	r, err := src.NewReader(ctx, key, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := dst.NewWriter(ctx, key, nil)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		w.Close()
		return err
	}
	return w.Close()
}

// fillBucket uploads files of random bytes, 100 to a folder.
func (j job) fillBucket(ctx context.Context) error {
	var opts s3.Options
	if j.whole {
		opts.PartSize = max(j.size, 8<<20)
		opts.UploadMemory = opts.PartSize
	}
	bucket, err := j.open(ctx, &opts)
	if err != nil {
		return err
	}
	defer bucket.Close()
	r := rand.NewChaCha8([32]byte{})
	for i := range j.files {
		key := fmt.Sprintf("d%03d/object-%05d.bin", i/100, i)
		if _, err := bucket.Write(ctx, key, io.LimitReader(r, j.size), &blob.WriteOptions{Size: j.size}); err != nil {
			return err
		}
	}
	return nil
}

// list lists everything and copies nothing.
func (j job) list(ctx context.Context) error {
	src, err := j.open(ctx, nil)
	if err != nil {
		return err
	}
	defer src.Close()
	var n, size atomic.Int64
	for obj, err := range src.List(ctx, "", nil) {
		if err != nil {
			return err
		}
		n.Add(1)
		size.Add(obj.Size)
	}
	return os.WriteFile(filepath.Join(j.dest, "count"), fmt.Appendf(nil, "%d", n.Load()), 0o644)
}
