package s3

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/inlet-go/inlet/blob/internal/remote"
)

// maxDelete is how many keys one request may delete.
const maxDelete = 1000

// Delete removes keys, 1000 by a request. Keys that an XML document cannot
// carry, and all keys where the server refuses batches, go one by one.
func (b *Bucket) Delete(ctx context.Context, keys ...string) error {
	var many []string
	for _, key := range keys {
		if err := remote.CheckKey(key, maxKey); err != nil {
			return err
		}
		if len(keys) > 1 && remote.FitsXML(key) && !b.noMany.Load() {
			many = append(many, key)
		} else if err := b.deleteOne(ctx, key); err != nil {
			return err
		}
	}
	for batch := range slices.Chunk(many, maxDelete) {
		if err := b.deleteBatch(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bucket) deleteOne(ctx context.Context, key string) error {
	_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.cfg.Bucket, Key: &key})
	if err != nil && !isCode(err, "NoSuchKey") {
		return classify(ctx, err, object(key))
	}
	return nil
}

func (b *Bucket) deleteBatch(ctx context.Context, keys []string) error {
	ids := make([]types.ObjectIdentifier, len(keys))
	for i := range keys {
		ids[i] = types.ObjectIdentifier{Key: &keys[i]}
	}
	out, err := b.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &b.cfg.Bucket, Delete: &types.Delete{Objects: ids, Quiet: aws.Bool(true)},
	})
	// Some servers know no batches, and some want an MD5 where the SDK sends a CRC-32.
	if isCode(err, "NotImplemented", "MissingContentMD5", "InvalidRequest", "MissingArgument", "InvalidArgument", "MethodNotAllowed") {
		b.noMany.Store(true)
		for _, key := range keys {
			if err := b.deleteOne(ctx, key); err != nil {
				return err
			}
		}
		return nil
	}
	if err != nil {
		return classify(ctx, err, object(keys[0]))
	}
	for _, e := range out.Errors {
		if code := aws.ToString(e.Code); code != "NoSuchKey" {
			return remote.Classify(ctx, &refusal{e}, code, statusUnknown, object(aws.ToString(e.Key)))
		}
	}
	return nil
}

// statusUnknown makes a code that is not known an unavailable store: the
// status of one key of a batch is not told.
const statusUnknown = 500

// refusal is why a key of a batch was not deleted.
type refusal struct{ e types.Error }

func (r *refusal) Error() string { return aws.ToString(r.e.Code) + ": " + aws.ToString(r.e.Message) }
