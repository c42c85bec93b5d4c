package fakeserver

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// keptHeaders are stored with an object and given back with it.
var keptHeaders = []string{
	"Content-Type", "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires",
}

// lookup returns the bucket and what is stored under the request's key, which
// may be nil. The store is locked by the caller.
func (q *request) lookup() (*bucket, *object, *apiError) {
	b := q.s.store.buckets[q.bucket]
	if b == nil {
		return nil, nil, &apiError{http.StatusNotFound, "NoSuchBucket"}
	}
	return b, b.get(q.key), nil
}

func (q *request) getObject() *apiError {
	q.s.store.mu.Lock()
	_, o, err := q.lookup()
	q.s.store.mu.Unlock()
	if err != nil {
		return err
	}
	if o == nil {
		return &apiError{http.StatusNotFound, "NoSuchKey"}
	}
	etag := o.etag
	if q.fault.ETag != "" {
		etag = q.fault.ETag
	}
	if err := precondition(q.Header.Get("If-Match"), q.Header.Get("If-None-Match"), etag); err != nil {
		return err
	}
	size := o.content.Size()
	from, to, partial, err := q.byteRange(size)
	if err != nil {
		q.w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", size))
		return err
	}
	q.objectHeaders(o, etag)
	h := q.w.Header()
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Length", strconv.FormatInt(to-from+q.fault.Grow, 10))
	status := http.StatusOK
	if partial {
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, size))
		status = http.StatusPartialContent
	}
	q.w.WriteHeader(status)
	if q.Method == http.MethodHead {
		return nil
	}
	buf := make([]byte, min(to-from+1, 64<<10))
	io.CopyBuffer(struct{ io.Writer }{q.w}, io.NewSectionReader(o.content, from, to-from+min(q.fault.Grow, 0)), buf)
	for range max(q.fault.Grow, 0) {
		q.w.Write([]byte{'+'})
	}
	return nil
}

// objectHeaders tells what is known about an object, with the overrides that
// a signed URL may ask for.
func (q *request) objectHeaders(o *object, etag string) {
	h := q.w.Header()
	for k, v := range o.header {
		h[k] = v
	}
	for _, name := range keptHeaders {
		if v := q.query.Get("response-" + strings.ToLower(name)); v != "" {
			h.Set(name, v)
		}
	}
	h.Set("ETag", `"`+etag+`"`)
	h.Set("Last-Modified", o.mod.UTC().Format(http.TimeFormat))
	if q.s.opts.Dialect == OSS {
		crc := o.crc
		if q.fault.CRC != "" {
			crc = q.fault.CRC
		}
		if crc != "" {
			h.Set("X-Oss-Hash-Crc64ecma", crc)
		}
	} else if o.sha256 != "" && q.own("Checksum-Mode") == "ENABLED" {
		h.Set("X-Amz-Checksum-Sha256", o.sha256)
	}
}

func precondition(match, none, etag string) *apiError {
	unquoted := func(s string) string { return strings.Trim(s, `"`) }
	if match != "" && match != "*" && unquoted(match) != etag {
		return &apiError{http.StatusPreconditionFailed, "PreconditionFailed"}
	}
	if none == "*" || none != "" && unquoted(none) == etag {
		return &apiError{http.StatusNotModified, "NotModified"}
	}
	return nil
}

// byteRange returns the half-open range that the request asks for. OSS gives
// the whole object for a range that lies outside of it, unless it is asked to
// be standard.
func (q *request) byteRange(size int64) (from, to int64, partial bool, err *apiError) {
	spec, ok := strings.CutPrefix(q.Header.Get("Range"), "bytes=")
	if !ok || q.fault.Range {
		return 0, size, false, nil
	}
	first, last, _ := strings.Cut(spec, "-")
	a, errA := strconv.ParseInt(first, 10, 64)
	b, errB := strconv.ParseInt(last, 10, 64)
	switch {
	case first == "" && errB == nil: // the last b bytes
		a, b = max(size-b, 0), size
	case errA != nil || last != "" && errB != nil || last != "" && b < a:
		return 0, size, false, nil // not a valid range: RFC 9110 says ignore it
	case last == "":
		b = size
	default:
		b++
	}
	if a >= size {
		if q.s.opts.Dialect == OSS && q.own("Range-Behavior") != "standard" {
			return 0, size, false, nil
		}
		return 0, 0, false, &apiError{http.StatusRequestedRangeNotSatisfiable, "InvalidRange"}
	}
	if q.s.opts.Dialect == OSS && b > size && q.own("Range-Behavior") != "standard" {
		return 0, size, false, nil
	}
	return a, min(b, size), true, nil
}

// readChecked reads the body and checks it against everything that the request
// says about it.
func (q *request) readChecked(discard bool) (part, *apiError) {
	length := q.ContentLength
	if length < 0 && q.s.opts.Dialect == S3 { // OSS takes chunked bodies
		return part{}, &apiError{http.StatusLengthRequired, "MissingContentLength"}
	}
	var data []byte
	sum5, sum256, crc := md5.New(), sha256.New(), crc64.New(crcTable)
	dst := io.Discard
	if !discard {
		data = make([]byte, 0, max(length, 0))
		dst = (*appender)(&data)
	}
	n, err := io.CopyBuffer(io.MultiWriter(dst, sum5, sum256, crc), struct{ io.Reader }{q.Body}, make([]byte, 64<<10))
	if err != nil || length >= 0 && n != length {
		return part{}, badRequest("IncompleteBody")
	}
	if q.payload != unsigned && q.payload != hex.EncodeToString(sum256.Sum(nil)) {
		return part{}, badRequest("XAmzContentSHA256Mismatch")
	}
	if h := q.Header.Get("Content-Md5"); h != "" && h != base64.StdEncoding.EncodeToString(sum5.Sum(nil)) {
		return part{}, badRequest(q.s.dialect.badDigest)
	}
	p := part{content: Bytes(data), crc: crc.Sum64(), md5: [md5.Size]byte(sum5.Sum(nil))}
	if discard {
		p.content = discarded(n)
	}
	p.etag = q.s.dialect.etag(bytesETag(p.md5))
	return p, nil
}

type appender []byte

func (a *appender) Write(p []byte) (int, error) { *a = append(*a, p...); return len(p), nil }

// metadata returns the headers to be stored with an object.
func (q *request) metadata() http.Header {
	h := http.Header{}
	for _, name := range keptHeaders {
		if v := q.Header.Get(name); v != "" {
			h.Set(name, v)
		}
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/octet-stream")
	}
	for k, v := range q.Header {
		if strings.HasPrefix(k, q.s.dialect.prefix+"Meta-") {
			h[k] = v
		}
	}
	return h
}

// mayWrite checks the conditions on what a write replaces.
func (q *request) mayWrite(old *object, forbid bool) *apiError {
	if q.s.opts.Dialect == OSS {
		if old != nil && (forbid || q.own("Forbid-Overwrite") == "true") {
			return &apiError{http.StatusConflict, "FileAlreadyExists"}
		}
		return nil
	}
	if q.Header.Get("If-None-Match") == "*" && old != nil {
		return &apiError{http.StatusPreconditionFailed, "PreconditionFailed"}
	}
	if m := q.Header.Get("If-Match"); m != "" && (old == nil || strings.Trim(m, `"`) != old.etag) {
		return &apiError{http.StatusPreconditionFailed, "PreconditionFailed"}
	}
	return nil
}

func (q *request) putObject() *apiError {
	p, err := q.readChecked(q.s.opts.Discard)
	if err != nil {
		return err
	}
	o := &object{content: p.content, etag: p.etag, mod: q.s.opts.Now().UTC().Truncate(time.Second),
		header: q.metadata(), crc: strconv.FormatUint(p.crc, 10), sha256: q.own("Checksum-Sha256")}
	q.s.store.mu.Lock()
	defer q.s.store.mu.Unlock()
	b, old, err := q.lookup()
	if err != nil {
		return err
	}
	if err := q.mayWrite(old, false); err != nil {
		return err
	}
	b.put(q.key, o)
	q.written(o)
	return nil
}

// written tells the ETag and checksum of what was stored.
func (q *request) written(o *object) {
	q.w.Header().Set("ETag", `"`+o.etag+`"`)
	if q.s.opts.Dialect == OSS {
		crc := o.crc
		if q.fault.CRC != "" {
			crc = q.fault.CRC
		}
		q.w.Header().Set("X-Oss-Hash-Crc64ecma", crc)
	}
}

// copySource returns the object that the request wants to copy. The store is
// locked by the caller.
func (q *request) copySource() (*object, *apiError) {
	raw, _, _ := strings.Cut(q.own("Copy-Source"), "?")
	source, uerr := url.QueryUnescape(raw) // "+" is a space, for S3 and gocloud alike
	if q.s.opts.Dialect == OSS {
		source, uerr = url.PathUnescape(raw)
	}
	name, key, ok := strings.Cut(strings.TrimPrefix(source, "/"), "/")
	if uerr != nil || !ok {
		return nil, badRequest("InvalidArgument")
	}
	b := q.s.store.buckets[name]
	if b == nil {
		return nil, &apiError{http.StatusNotFound, "NoSuchBucket"}
	}
	o := b.get(key)
	if o == nil {
		return nil, &apiError{http.StatusNotFound, "NoSuchKey"}
	}
	if err := precondition(q.own("Copy-Source-If-Match"), "", o.etag); err != nil {
		return nil, err
	}
	return o, nil
}

func (q *request) copyObject() *apiError {
	q.s.store.mu.Lock()
	defer q.s.store.mu.Unlock()
	b, old, err := q.lookup()
	if err != nil {
		return err
	}
	source, err := q.copySource()
	if err != nil {
		return err
	}
	if source.content.Size() > 5<<30 {
		return badRequest("InvalidRequest")
	}
	if err := q.mayWrite(old, false); err != nil {
		return err
	}
	o := *source
	o.mod = q.s.opts.Now().UTC().Truncate(time.Second)
	if q.own("Metadata-Directive") == "REPLACE" {
		o.header = q.metadata()
	}
	if q.own("Checksum-Algorithm") == "SHA256" && !q.s.opts.NoChecksum {
		h := sha256.New()
		io.Copy(h, io.NewSectionReader(o.content, 0, o.content.Size()))
		o.sha256 = base64.StdEncoding.EncodeToString(h.Sum(nil))
	}
	b.put(q.key, &o)
	if q.s.opts.Dialect == OSS && o.crc != "" {
		q.w.Header().Set("X-Oss-Hash-Crc64ecma", o.crc)
	}
	var d document
	d.open("CopyObjectResult")
	d.element("ETag", `"`+o.etag+`"`)
	d.element("LastModified", o.mod.Format(q.s.dialect.date))
	if o.sha256 != "" {
		d.element("ChecksumSHA256", o.sha256)
		d.element("ChecksumType", "FULL_OBJECT")
	}
	d.close("CopyObjectResult")
	q.xml(&d)
	return nil
}

func (q *request) deleteObject() *apiError {
	q.s.store.mu.Lock()
	defer q.s.store.mu.Unlock()
	b, _, err := q.lookup()
	if err != nil {
		return err
	}
	b.delete(q.key)
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

// checksums reads all of c.
func checksums(c Content) (sum [md5.Size]byte, crc string) {
	h5, h64 := md5.New(), crc64.New(crcTable)
	io.Copy(io.MultiWriter(h5, h64), io.NewSectionReader(c, 0, c.Size()))
	return [md5.Size]byte(h5.Sum(nil)), strconv.FormatUint(h64.Sum64(), 10)
}
