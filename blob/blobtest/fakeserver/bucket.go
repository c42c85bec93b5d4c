package fakeserver

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"strconv"
)

const maxKeys = 1000

func (q *request) createBucket() *apiError {
	q.s.CreateBucket(q.bucket)
	return nil
}

func (q *request) headBucket() *apiError {
	q.s.store.mu.Lock()
	defer q.s.store.mu.Unlock()
	_, _, err := q.lookup()
	return err
}

func (q *request) deleteBucket() *apiError {
	q.s.store.mu.Lock()
	defer q.s.store.mu.Unlock()
	b, _, err := q.lookup()
	if err != nil {
		return err
	}
	if !b.empty() {
		return &apiError{http.StatusConflict, "BucketNotEmpty"}
	}
	delete(q.s.store.buckets, q.bucket)
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

// deleteObjects deletes up to 1000 keys. Both providers want a checksum of the
// body: whoever deletes must not be misunderstood.
func (q *request) deleteObjects() *apiError {
	if q.Header.Get("Content-Md5") == "" && q.own("Checksum-Crc32") == "" && q.own("Checksum-Sha256") == "" {
		return badRequest("InvalidRequest")
	}
	data, err := q.readDocument()
	if err != nil {
		return err
	}
	var want struct {
		Quiet  bool
		Object []struct{ Key string }
	}
	if xml.Unmarshal(data, &want) != nil || len(want.Object) == 0 || len(want.Object) > maxKeys {
		return badRequest("MalformedXML")
	}
	q.s.store.mu.Lock()
	defer q.s.store.mu.Unlock()
	b, _, err := q.lookup()
	if err != nil {
		return err
	}
	encode := func(s string) string { return s }
	var d document
	d.open("DeleteResult")
	if q.query.Get("encoding-type") == "url" {
		d.element("EncodingType", "url")
		encode = q.s.dialect.escape
	}
	for _, o := range want.Object {
		b.delete(o.Key)
		if !want.Quiet {
			d.open("Deleted")
			d.element("Key", encode(o.Key))
			d.close("Deleted")
		}
	}
	d.close("DeleteResult")
	q.xml(&d)
	return nil
}

func (q *request) listObjects() *apiError {
	prefix, delimiter := q.query.Get("prefix"), q.query.Get("delimiter")
	after := q.query.Get("start-after")
	if q.query.Has("continuation-token") {
		token, err := base64.URLEncoding.DecodeString(q.query.Get("continuation-token"))
		if err != nil || len(token) == 0 {
			return badRequest("InvalidArgument")
		}
		after = string(token)
	}
	limit := maxKeys
	if s := q.query.Get("max-keys"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || n > maxKeys && q.s.opts.Dialect == OSS {
			return badRequest("InvalidArgument")
		}
		limit = min(n, maxKeys)
	}
	if q.fault.RepeatPage {
		after = q.query.Get("start-after")
	}
	if q.fault.EmptyPage {
		limit = 0
	}
	q.s.store.mu.Lock()
	b, _, err := q.lookup()
	if err != nil {
		q.s.store.mu.Unlock()
		return err
	}
	rows, more := b.page(prefix, delimiter, after, limit)
	q.s.store.mu.Unlock()

	next := ""
	if more = more || q.fault.RepeatPage || q.fault.EmptyPage; more && limit > 0 && len(rows) > 0 {
		next = base64.URLEncoding.EncodeToString([]byte(rows[len(rows)-1].key))
	} else if more {
		next = base64.URLEncoding.EncodeToString([]byte(after + "\x00"))
	}
	if q.fault.EndlessOff {
		more, next = true, ""
	}
	q.writePage(rows, more, next, limit)
	return nil
}

// writePage answers a listing: first the objects, then the common prefixes,
// as both providers do.
func (q *request) writePage(rows []entry, more bool, next string, limit int) {
	encode := func(s string) string { return s }
	var d document
	d.Grow(300*len(rows) + 500)
	d.open("ListBucketResult")
	d.element("Name", q.bucket)
	if q.query.Get("encoding-type") == "url" {
		encode = q.s.dialect.escape
		d.element("EncodingType", "url")
	}
	for _, name := range []string{"Prefix", "Delimiter", "StartAfter"} {
		param := map[string]string{"Prefix": "prefix", "Delimiter": "delimiter", "StartAfter": "start-after"}[name]
		if v := q.query.Get(param); v != "" || name == "Prefix" {
			d.element(name, encode(v))
		}
	}
	d.element("MaxKeys", strconv.Itoa(limit))
	d.element("KeyCount", strconv.Itoa(len(rows)))
	d.element("IsTruncated", strconv.FormatBool(more))
	if next != "" {
		if q.s.opts.Dialect == OSS {
			next = encode(next)
		}
		d.element("NextContinuationToken", next)
	}
	for _, e := range rows {
		if e.prefix {
			continue
		}
		d.open("Contents")
		d.element("Key", encode(e.key))
		d.element("LastModified", e.mod.UTC().Format(q.s.dialect.date))
		d.element("ETag", `"`+e.etag+`"`)
		d.element("Size", strconv.FormatInt(e.size, 10))
		d.element("StorageClass", "STANDARD")
		d.close("Contents")
	}
	for _, e := range rows {
		if e.prefix {
			d.open("CommonPrefixes")
			d.element("Prefix", encode(e.key))
			d.close("CommonPrefixes")
		}
	}
	d.close("ListBucketResult")
	q.xml(&d)
}
