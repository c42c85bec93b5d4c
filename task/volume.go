package task

import "time"

// Volume is a named set of files in the managed bucket.
type Volume struct {
	ID        int64
	Tenant    string
	Name      string // unique in the tenant
	Owner     string
	Size      int64 // bytes of its visible files
	FileNum   int64 // number of its visible files
	CreatedAt time.Time
	UpdatedAt time.Time
}

// VolumeQuery selects volumes of a tenant, newest first.
type VolumeQuery struct {
	Offset int
	Limit  int // 0 means all
}
