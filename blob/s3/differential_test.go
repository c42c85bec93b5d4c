package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/blob/blobtest/fakeserver"
)

// step is one request with the official SDK; it returns what is comparable of
// the answer.
type step struct {
	name string
	run  func(ctx context.Context, c *awss3.Client, s *session) (string, error)
}

// session is what steps tell later ones.
type session struct {
	bucket string
	upload *string
	etags  []string
	etag   *string
}

func (s *session) b() *string { return &s.bucket }

func putStep(key, body string, change func(*awss3.PutObjectInput)) step {
	return step{"put " + key, func(ctx context.Context, c *awss3.Client, s *session) (string, error) {
		in := &awss3.PutObjectInput{Bucket: s.b(), Key: &key, Body: strings.NewReader(body)}
		if change != nil {
			change(in)
		}
		out, err := c.PutObject(ctx, in)
		if err != nil {
			return "", err
		}
		s.etag = out.ETag
		return aws.ToString(out.ETag), nil
	}}
}

func getStep(name, key string, change func(*awss3.GetObjectInput, *session)) step {
	return step{"get " + name, func(ctx context.Context, c *awss3.Client, s *session) (string, error) {
		in := &awss3.GetObjectInput{Bucket: s.b(), Key: &key}
		if change != nil {
			change(in, s)
		}
		out, err := c.GetObject(ctx, in)
		if err != nil {
			return "", err
		}
		data, err := io.ReadAll(out.Body)
		return fmt.Sprintf("%q length=%d range=%s etag=%s type=%s cache=%s meta=%v", data, aws.ToInt64(out.ContentLength),
			aws.ToString(out.ContentRange), aws.ToString(out.ETag), aws.ToString(out.ContentType), aws.ToString(out.CacheControl), out.Metadata), err
	}}
}

func rangeStep(r string) step {
	return getStep("range "+r, "file.txt", func(in *awss3.GetObjectInput, _ *session) { in.Range = &r })
}

func listStep(name string, change func(*awss3.ListObjectsV2Input)) step {
	return step{"list " + name, func(ctx context.Context, c *awss3.Client, s *session) (string, error) {
		in := &awss3.ListObjectsV2Input{Bucket: s.b()}
		change(in)
		var b strings.Builder
		for page := 1; page < 30; page++ {
			out, err := c.ListObjectsV2(ctx, in)
			if err != nil {
				return b.String(), err
			}
			for _, o := range out.Contents {
				fmt.Fprintf(&b, "%s=%d ", aws.ToString(o.Key), aws.ToInt64(o.Size))
			}
			for _, p := range out.CommonPrefixes {
				fmt.Fprintf(&b, "%s* ", aws.ToString(p.Prefix))
			}
			fmt.Fprintf(&b, "[%s] ", out.EncodingType)
			if !aws.ToBool(out.IsTruncated) {
				return b.String(), nil
			}
			in.ContinuationToken = out.NextContinuationToken
		}
		return "", errors.New("endless")
	}}
}

var steps = []step{
	putStep("file.txt", "0123456789", func(in *awss3.PutObjectInput) {
		in.ContentType, in.CacheControl, in.Metadata = aws.String("text/csv"), aws.String("no-cache"), map[string]string{"owner": "me"}
	}),
	getStep("whole", "file.txt", nil),
	rangeStep("bytes=0-3"), rangeStep("bytes=5-"), rangeStep("bytes=-3"), rangeStep("bytes=8-100"), rangeStep("bytes=10-"), rangeStep("bytes=100-200"),
	getStep("If-Match", "file.txt", func(in *awss3.GetObjectInput, s *session) { in.IfMatch = s.etag }),
	getStep("If-Match of another", "file.txt", func(in *awss3.GetObjectInput, _ *session) { in.IfMatch = aws.String(`"abc"`) }),
	getStep("If-None-Match", "file.txt", func(in *awss3.GetObjectInput, s *session) { in.IfNoneMatch = s.etag }),
	getStep("missing", "missing", nil),
	getStep("overrides", "file.txt", func(in *awss3.GetObjectInput, _ *session) {
		in.ResponseContentType, in.ResponseCacheControl = aws.String("text/plain"), aws.String("max-age=1")
	}),
	putStep("file.txt", "taken", func(in *awss3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }),
	putStep("once.txt", "free", func(in *awss3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }),
	putStep("wrong-md5", "x", func(in *awss3.PutObjectInput) { in.ContentMD5 = aws.String("1B2M2Y8AsgTpgAmY7PhCfg==") }),
	putStep("empty", "", nil), getStep("empty", "empty", nil),
	putStep("dir/a b+c%41.txt", "weird", nil), getStep("weird", "dir/a b+c%41.txt", nil),
	putStep("dir/sub/1", "1", nil), putStep("dir/sub/2", "2", nil), putStep("dir-x", "3", nil), putStep("z", "4", nil),
	{"head", func(ctx context.Context, c *awss3.Client, s *session) (string, error) {
		out, err := c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: s.b(), Key: aws.String("file.txt")})
		if err != nil {
			return "", err
		}
		return fmt.Sprint(aws.ToInt64(out.ContentLength), aws.ToString(out.ETag), aws.ToString(out.ContentType), out.Metadata), nil
	}},
	{"head missing", func(ctx context.Context, c *awss3.Client, s *session) (string, error) {
		_, err := c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: s.b(), Key: aws.String("missing")})
		return "", err
	}},
	listStep("all", func(*awss3.ListObjectsV2Input) {}),
	listStep("encoded", func(in *awss3.ListObjectsV2Input) {
		in.EncodingType, in.Prefix = types.EncodingTypeUrl, aws.String("dir/a")
	}),
	listStep("pages", func(in *awss3.ListObjectsV2Input) { in.MaxKeys = aws.Int32(3) }),
	listStep("delimiter", func(in *awss3.ListObjectsV2Input) { in.Delimiter = aws.String("/") }),
	listStep("delimiter pages", func(in *awss3.ListObjectsV2Input) { in.Delimiter, in.MaxKeys = aws.String("/"), aws.Int32(2) }),
	listStep("prefix and delimiter", func(in *awss3.ListObjectsV2Input) { in.Delimiter, in.Prefix = aws.String("/"), aws.String("dir/") }),
	listStep("start-after", func(in *awss3.ListObjectsV2Input) { in.StartAfter = aws.String("dir/sub/1") }),
	listStep("start-after between", func(in *awss3.ListObjectsV2Input) { in.StartAfter = aws.String("dir/zzz") }),
	listStep("nothing", func(in *awss3.ListObjectsV2Input) { in.Prefix = aws.String("nothing/") }),
	{"copy", func(ctx context.Context, c *awss3.Client, s *session) (string, error) {
		_, err := c.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: s.b(), Key: aws.String("copy"),
			CopySource: aws.String(s.bucket + "/dir/a%20b%2Bc%2541.txt"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
		return "", err
	}},
	getStep("copy", "copy", nil),
	{"copy missing", func(ctx context.Context, c *awss3.Client, s *session) (string, error) {
		_, err := c.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: s.b(), Key: aws.String("copy2"), CopySource: aws.String(s.bucket + "/missing")})
		return "", err
	}},
	{"copy changed", func(ctx context.Context, c *awss3.Client, s *session) (string, error) {
		_, err := c.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: s.b(), Key: aws.String("copy2"),
			CopySource: aws.String(s.bucket + "/file.txt"), CopySourceIfMatch: aws.String(`"abc"`)})
		return "", err
	}},
	{"create upload", func(ctx context.Context, c *awss3.Client, s *session) (string, error) {
		out, err := c.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: s.b(), Key: aws.String("large"), ContentType: aws.String("text/x")})
		if err != nil {
			return "", err
		}
		s.upload = out.UploadId
		return "", nil
	}},
	partStep(1, bytes.Repeat([]byte("1"), 5<<20)), partStep(2, []byte("2")), partStep(10001, []byte("x")),
	{"complete with a wrong part", completeStep(`"abc"`)},
	{"complete", completeStep("")},
	{"complete again", completeStep("")},
	{"abort what is gone", func(ctx context.Context, c *awss3.Client, s *session) (string, error) {
		_, err := c.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{Bucket: s.b(), Key: aws.String("large"), UploadId: aws.String("none")})
		return "", err
	}},
	getStep("large", "large", func(in *awss3.GetObjectInput, _ *session) { in.Range = aws.String("bytes=5242878-") }),
	{"delete many", func(ctx context.Context, c *awss3.Client, s *session) (string, error) {
		out, err := c.DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: s.b(), Delete: &types.Delete{
			Objects: []types.ObjectIdentifier{{Key: aws.String("dir/sub/1")}, {Key: aws.String("missing")}}, Quiet: aws.Bool(true)}})
		if err != nil {
			return "", err
		}
		return fmt.Sprint(len(out.Deleted), len(out.Errors)), nil
	}},
	{"delete", func(ctx context.Context, c *awss3.Client, s *session) (string, error) {
		_, err := c.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: s.b(), Key: aws.String("file.txt")})
		return "", err
	}},
	{"delete missing", func(ctx context.Context, c *awss3.Client, s *session) (string, error) {
		_, err := c.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: s.b(), Key: aws.String("file.txt")})
		return "", err
	}},
	{"missing bucket", func(ctx context.Context, c *awss3.Client, s *session) (string, error) {
		_, err := c.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: aws.String("no-such-bucket")})
		return "", err
	}},
	{"wrong secret", func(ctx context.Context, c *awss3.Client, s *session) (string, error) {
		_, err := c.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: s.b()}, func(o *awss3.Options) {
			o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "wrong"}, nil
			})
		})
		return "", err
	}},
	{"wrong region", func(ctx context.Context, c *awss3.Client, s *session) (string, error) {
		_, err := c.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: s.b()}, func(o *awss3.Options) { o.Region = "eu-west-1" })
		return "", err
	}},
	listStep("left", func(*awss3.ListObjectsV2Input) {}),
}

func partStep(n int32, body []byte) step {
	return step{fmt.Sprint("part ", n), func(ctx context.Context, c *awss3.Client, s *session) (string, error) {
		out, err := c.UploadPart(ctx, &awss3.UploadPartInput{Bucket: s.b(), Key: aws.String("large"), UploadId: s.upload,
			PartNumber: &n, Body: bytes.NewReader(body)})
		if err != nil {
			return "", err
		}
		s.etags = append(s.etags, aws.ToString(out.ETag))
		return aws.ToString(out.ETag), nil
	}}
}

func completeStep(etag string) func(context.Context, *awss3.Client, *session) (string, error) {
	return func(ctx context.Context, c *awss3.Client, s *session) (string, error) {
		parts := []types.CompletedPart{}
		for i, e := range s.etags {
			if etag != "" {
				e = etag
			}
			parts = append(parts, types.CompletedPart{PartNumber: aws.Int32(int32(i + 1)), ETag: aws.String(e)})
		}
		out, err := c.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{Bucket: s.b(), Key: aws.String("large"),
			UploadId: s.upload, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.ETag), nil
	}
}

// known are the differences that are not the fake's faults, by step.
var known = map[string]string{
	"list encoded":   "the real server ignores encoding-type, which Amazon's API reference documents",
	"complete again": "the real server repeats its answer; Amazon documents NoSuchUpload, the harder case for clients",
	"delete many":    "the real server ignores Quiet",
}

// TestFakeAgreesWithRealServer sends the same requests to the fake and to the
// real server: what tests rely on must be how servers are.
func TestFakeAgreesWithRealServer(t *testing.T) {
	realSrv := startReal(t)
	fake := fakeserver.Start(t, nil)
	name := fmt.Sprintf("differential-%d", realSrv.n.Add(1))
	type side struct {
		client  *awss3.Client
		session *session
	}
	var sides []side
	for _, url := range []string{realSrv.url, fake.URL} {
		c := official(url, "us-east-1", "test", "testsecret")
		createBucket(t, c, name)
		sides = append(sides, side{c, &session{bucket: name}})
	}
	for _, st := range steps {
		var answers []string
		for _, s := range sides {
			text, err := st.run(t.Context(), s.client, s.session)
			answers = append(answers, text+problem(err))
		}
		diff := cmp.Diff(answers[0], answers[1])
		switch reason := known[st.name]; {
		case diff == "" && reason != "":
			t.Errorf("%s: the known difference is gone: %s", st.name, reason)
		case diff != "" && reason == "":
			t.Errorf("%s (-real +fake):\n%s", st.name, diff)
		}
	}
}

// problem is the code and status of an error.
func problem(err error) string {
	if err == nil {
		return ""
	}
	var api smithy.APIError
	var resp *smithyhttp.ResponseError
	code, status := "", 0
	if errors.As(err, &api) {
		code = api.ErrorCode()
	}
	if errors.As(err, &resp) {
		status = resp.HTTPStatusCode()
	}
	return fmt.Sprintf(" error %d %s", status, code)
}
