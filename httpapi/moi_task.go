package httpapi

import (
	"strings"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/task"
)

// moiTask is a load task.
type moiTask struct {
	ID                  int64                `json:"id,string"`
	SourceConnectorID   int64                `json:"source_connector_id"`
	SourceConnectorType connector.SourceType `json:"source_connector_type"`
	VolumeID            int64                `json:"volume_id,string"`
	VolumeName          string               `json:"volume_name"`
	Name                string               `json:"name"`
	Status              task.Status          `json:"status"`
	Creator             string               `json:"creator"`
	SourceConfig        moiSourceConfig      `json:"source_config"`
	StartAt             int64                `json:"start_at"`
	EndAt               int64                `json:"end_at"`
	CreatedAt           int64                `json:"created_at"`
	UpdatedAt           int64                `json:"updated_at"`
}

type moiSourceConfig struct {
	Files moiFilesConfig `json:"common_file_task_config"`
}

type moiFilesConfig struct {
	URIs []string    `json:"uris"`
	Mode moiLoadMode `json:"load_mode_config"`
}

// moiLoadMode is a schedule; the time zone is an addition.
type moiLoadMode struct {
	Type     task.Interval `json:"load_interval_type"`
	Interval int           `json:"interval"`
	TimeZone string        `json:"time_zone,omitempty"`
}

func newMOITask(t *task.Task) moiTask {
	return moiTask{
		ID: t.ID, SourceConnectorID: t.ConnectorID, SourceConnectorType: t.ConnectorType,
		VolumeID: t.VolumeID, VolumeName: t.VolumeName, Name: t.Name, Status: t.Status, Creator: t.Creator,
		SourceConfig: moiSourceConfig{moiFilesConfig{
			URIs: t.URIs, Mode: moiLoadMode{Type: t.Schedule.Type, Interval: t.Schedule.Every, TimeZone: t.Schedule.TimeZone},
		}},
		StartAt: unix(t.StartAt), EndAt: unix(t.EndAt), CreatedAt: unix(t.CreatedAt), UpdatedAt: unix(t.UpdatedAt),
	}
}

// moiTaskFiles is a page of a task's files. Total counts those that the
// request selects, the others all of the task's.
type moiTaskFiles struct {
	Total        int       `json:"total"`
	TotalSuccess int64     `json:"total_success"`
	TotalFailed  int64     `json:"total_failed"`
	Files        []moiFile `json:"files"`
}

// moiFile is a file of a task or of a volume.
type moiFile struct {
	ID            int64              `json:"id,string"`
	Name          string             `json:"name"`
	Type          connector.FileType `json:"type"`
	Status        task.FileStatus    `json:"status"`
	Size          int64              `json:"size"` // bytes; 0 while unknown
	UpdateTime    int64              `json:"update_time"`
	OtherMetadata string             `json:"other_metadata"`
	Reason        string             `json:"reason"`
	User          string             `json:"user"`
	StartTime     int64              `json:"start_time"`
	EndTime       int64              `json:"end_time"`
	Path          string             `json:"path"`
}

// newMOIFile shows a file of the volume with that name.
func newMOIFile(f *task.File, volume string) moiFile {
	return moiFile{
		ID: f.ID, Name: baseName(f.URI), Type: connector.FileTypeOf(f.URI), Status: f.Status, Size: max(0, f.Size),
		UpdateTime: unix(f.UpdatedAt), Reason: f.Reason, User: f.Creator,
		StartTime: unix(f.StartAt), EndTime: unix(f.EndAt), Path: "/" + volume + "/" + strings.TrimPrefix(f.URI, "/"),
	}
}

// baseName returns the last part of a key.
func baseName(key string) string {
	key = strings.TrimRight(key, "/")
	return key[strings.LastIndexByte(key, '/')+1:]
}

func newMOIFiles(files []*task.File, volume string) []moiFile {
	list := make([]moiFile, len(files))
	for i, f := range files {
		list[i] = newMOIFile(f, volume)
	}
	return list
}
