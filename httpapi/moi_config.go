package httpapi

import (
	"encoding/json"

	"github.com/inlet-go/inlet/connector"
)

// moiConnector is a saved connection.
type moiConnector struct {
	ID             int64                `json:"id"`
	SourceType     connector.SourceType `json:"source_type"`
	Name           string               `json:"name"`
	Status         connector.Status     `json:"status"`
	CreatedAt      int64                `json:"created_at"`
	UpdatedAt      int64                `json:"updated_at"`
	Username       string               `json:"username"`
	RelatedTaskIDs []int64              `json:"related_task_ids"` // null when there are none
	Config         moiConfig            `json:"config"`
}

func newMOIConnector(c connector.Listed, reveal bool) moiConnector {
	return moiConnector{
		ID: c.ID, SourceType: c.Type, Name: c.Name, Status: c.Status,
		CreatedAt: unix(c.CreatedAt), UpdatedAt: unix(c.UpdatedAt), Username: c.CreatedBy,
		RelatedTaskIDs: c.TaskIDs, Config: newMOIConfig(c.Config, reveal),
	}
}

// moiConfig has the member that fits the source type.
type moiConfig struct {
	OSS    *moiBucket              `json:"oss,omitempty"`
	S3     *moiBucket              `json:"s3,omitempty"`
	Folder *connector.FolderConfig `json:"folder,omitempty"`

	Definition *moiDefined `json:"definition,omitempty"`
}

// moiDefined is a config whose form a registered definition gives.
type moiDefined struct {
	ID     string         `json:"id"`
	Config map[string]any `json:"config"` // texts that are secret are masks
}

// newMOIDefined shows such a config; one whose key is gone shows only what is
// in the clear.
func newMOIDefined(d *connector.DefinedConfig, reveal bool) *moiDefined {
	if d == nil {
		return nil
	}
	show := d.Shown
	if reveal {
		show = d.Whole
	}
	config, err := show()
	if err != nil {
		config = map[string]any{}
	}
	return &moiDefined{ID: d.ID, Config: config}
}

// moiBucket connects to an OSS or S3 bucket; only the latter has a region and
// a path style.
type moiBucket struct {
	Endpoint        string `json:"endpoint"`
	AccessKeyID     string `json:"access_key_id"`
	AccessKeySecret string `json:"access_key_secret"`
	BucketName      string `json:"bucket_name"`
	Region          string `json:"region,omitempty"`
	PathStyle       *bool  `json:"path_style,omitempty"`
}

// newMOIConfig shows a config, its secrets only when reveal is set.
func newMOIConfig(c connector.Config, reveal bool) moiConfig {
	show := connector.Secret.String
	if reveal {
		show = connector.Secret.Reveal
	}
	m := moiConfig{Folder: c.Folder, Definition: newMOIDefined(c.Definition, reveal)}
	if f := c.OSS; f != nil {
		m.OSS = &moiBucket{
			Endpoint: f.Endpoint, AccessKeyID: f.AccessKeyID, AccessKeySecret: show(f.AccessKeySecret), BucketName: f.BucketName,
		}
	}
	if f := c.S3; f != nil {
		m.S3 = &moiBucket{
			Endpoint: f.Endpoint, AccessKeyID: f.AccessKeyID, AccessKeySecret: show(f.AccessKeySecret), BucketName: f.BucketName,
			Region: f.Region, PathStyle: f.PathStyle,
		}
	}
	return m
}

// readConfig reads a connection's config from its field, or, as later versions
// of the product write it, from the members at the top; nil when there is none.
func readConfig(body object) *connector.Config {
	o := body.object("config")
	if !body.has("config") {
		if !body.has("oss") && !body.has("s3") && !body.has("folder") && !body.has("definition") {
			return nil
		}
		o = body
	}
	c := &connector.Config{}
	if o.has("oss") {
		f := o.object("oss")
		c.OSS = &connector.OSSConfig{
			Endpoint: f.text("endpoint"), AccessKeyID: f.text("access_key_id"),
			AccessKeySecret: connector.Secret(f.text("access_key_secret")), BucketName: f.text("bucket_name"),
		}
	}
	if o.has("s3") {
		f := o.object("s3")
		c.S3 = &connector.S3Config{
			Endpoint: f.text("endpoint"), AccessKeyID: f.text("access_key_id"),
			AccessKeySecret: connector.Secret(f.text("access_key_secret")), BucketName: f.text("bucket_name"),
			Region: f.text("region"), PathStyle: f.flag("path_style"),
		}
	}
	if o.has("folder") {
		c.Folder = &connector.FolderConfig{Path: o.object("folder").text("path")}
	}
	if o.has("definition") {
		c.Definition = readDefined(o.object("definition"))
	}
	return c
}

// readDefined reads a config whose form a registered definition gives.
func readDefined(o object) *connector.DefinedConfig {
	d := &connector.DefinedConfig{ID: o.text("id")}
	values, err := json.Marshal(o.object("config").fields)
	if err != nil || o.fields["config"] == nil {
		values = nil
	}
	d.Values = values
	return d
}
