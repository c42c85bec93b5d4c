package fakeserver

import (
	"crypto/md5"
	"encoding/xml"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const maxParts = 10000

func (q *request) createUpload() *apiError {
	q.s.store.mu.Lock()
	defer q.s.store.mu.Unlock()
	_, old, err := q.lookup()
	if err != nil {
		return err
	}
	forbid := q.own("Forbid-Overwrite") == "true"
	if err := q.mayWrite(old, forbid); err != nil {
		return err
	}
	q.s.store.seq++
	id := fmt.Sprintf("upload-%d", q.s.store.seq)
	q.s.store.uploads[id] = &upload{
		bucket: q.bucket, key: q.key, header: q.metadata(), forbid: forbid, parts: map[int]part{},
	}
	var d document
	d.open("InitiateMultipartUploadResult")
	d.element("Bucket", q.bucket)
	q.keyElement(&d)
	d.element("UploadId", id)
	d.close("InitiateMultipartUploadResult")
	q.xml(&d)
	return nil
}

// keyElement tells the key, encoded if the request wants that.
func (q *request) keyElement(d *document) {
	if q.query.Get("encoding-type") == "url" {
		d.element("EncodingType", "url")
		d.element("Key", q.s.dialect.escape(q.key))
		return
	}
	d.element("Key", q.key)
}

// upload returns the upload that the request names. The store is locked by
// the caller.
func (q *request) upload() (*upload, string, *apiError) {
	id := q.query.Get("uploadId")
	u := q.s.store.uploads[id]
	if u == nil || u.bucket != q.bucket || u.key != q.key {
		return nil, "", &apiError{http.StatusNotFound, "NoSuchUpload"}
	}
	return u, id, nil
}

func (q *request) partNumber() (int, *apiError) {
	n, err := strconv.Atoi(q.query.Get("partNumber"))
	if err != nil || n < 1 || n > maxParts {
		return 0, badRequest("InvalidArgument")
	}
	return n, nil
}

// addPart stores a part of the upload that the request names.
func (q *request) addPart(p part) *apiError {
	n, err := q.partNumber()
	if err != nil {
		return err
	}
	q.s.store.mu.Lock()
	defer q.s.store.mu.Unlock()
	u, _, err := q.upload()
	if err != nil {
		return err
	}
	u.parts[n] = p
	return nil
}

func (q *request) uploadPart() *apiError {
	p, err := q.readChecked(q.s.opts.Discard)
	if err != nil {
		return err
	}
	if err := q.addPart(p); err != nil {
		return err
	}
	q.written(&object{etag: p.etag, crc: strconv.FormatUint(p.crc, 10)})
	return nil
}

func (q *request) uploadPartCopy() *apiError {
	q.s.store.mu.Lock()
	source, err := q.copySource()
	q.s.store.mu.Unlock()
	if err != nil {
		return err
	}
	from, to := int64(0), source.content.Size()
	if r := q.own("Copy-Source-Range"); r != "" {
		if n, _ := fmt.Sscanf(r, "bytes=%d-%d", &from, &to); n != 2 || from > to || to >= source.content.Size() {
			return badRequest("InvalidArgument")
		}
		to++
	}
	c := section{source.content, from, to - from}
	sum, crc := checksums(c)
	number, _ := strconv.ParseUint(crc, 10, 64)
	p := part{content: c, md5: sum, etag: q.s.dialect.etag(bytesETag(sum)), crc: number}
	if err := q.addPart(p); err != nil {
		return err
	}
	var d document
	d.open("CopyPartResult")
	d.element("ETag", `"`+p.etag+`"`)
	d.element("LastModified", q.s.opts.Now().UTC().Format(q.s.dialect.date))
	d.close("CopyPartResult")
	q.xml(&d)
	return nil
}

// section is a part of another content.
type section struct {
	of        Content
	from, len int64
}

func (s section) Size() int64 { return s.len }

func (s section) ReadAt(p []byte, off int64) (int, error) {
	return io.NewSectionReader(s.of, s.from, s.len).ReadAt(p, off)
}

func (q *request) completeUpload() *apiError {
	body, err := q.readDocument()
	if err != nil {
		return err
	}
	var want struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	if xml.Unmarshal(body, &want) != nil || len(want.Part) == 0 {
		return badRequest("MalformedXML")
	}
	q.s.store.mu.Lock()
	defer q.s.store.mu.Unlock()
	u, id, err := q.upload()
	if err != nil {
		return err
	}
	b, old, err := q.lookup()
	if err != nil {
		return err
	}
	if err := q.mayWrite(old, u.forbid); err != nil {
		return err
	}
	var parts []Content
	digest, last := md5.New(), 0
	for i, w := range want.Part {
		p, ok := u.parts[w.PartNumber]
		if !ok || strings.Trim(w.ETag, `"`) != p.etag {
			return badRequest("InvalidPart")
		}
		if w.PartNumber <= last {
			return badRequest("InvalidPartOrder")
		}
		if i < len(want.Part)-1 && p.content.Size() < q.s.opts.MinPart {
			return badRequest("EntityTooSmall")
		}
		last = w.PartNumber
		digest.Write(p.md5[:])
		parts = append(parts, p.content)
	}
	o := &object{content: join(parts), header: u.header, mod: q.s.opts.Now().UTC().Truncate(time.Second)}
	o.etag = fmt.Sprintf("%s-%d", q.s.dialect.etag(bytesETag([md5.Size]byte(digest.Sum(nil)))), len(parts))
	if q.s.opts.Dialect == OSS && !q.s.opts.Discard {
		h := crc64.New(crcTable)
		io.Copy(h, io.NewSectionReader(o.content, 0, o.content.Size()))
		o.crc = strconv.FormatUint(h.Sum64(), 10)
	}
	b.put(q.key, o)
	delete(q.s.store.uploads, id)
	return q.completed(o)
}

func (q *request) completed(o *object) *apiError {
	if q.s.opts.Dialect == OSS && o.crc != "" {
		q.written(o)
	}
	var d document
	d.open("CompleteMultipartUploadResult")
	d.element("Bucket", q.bucket)
	q.keyElement(&d)
	d.element("ETag", `"`+o.etag+`"`)
	d.close("CompleteMultipartUploadResult")
	q.xml(&d)
	return nil
}

func (q *request) abortUpload() *apiError {
	q.s.store.mu.Lock()
	defer q.s.store.mu.Unlock()
	_, id, err := q.upload()
	if err != nil {
		return err
	}
	delete(q.s.store.uploads, id)
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

// readDocument reads and checks an XML document in the request's body.
func (q *request) readDocument() ([]byte, *apiError) {
	p, err := q.readChecked(false)
	if err != nil {
		return nil, err
	}
	data := make([]byte, p.content.Size())
	p.content.ReadAt(data, 0)
	return data, nil
}
