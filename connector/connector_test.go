package connector_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/connector"
)

func TestSecretNeverShows(t *testing.T) {
	const canary = "canary-4711"
	config := connector.Config{S3: &connector.S3Config{AccessKeySecret: canary}}
	body, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "config", config, "secret", config.S3.AccessKeySecret)
	for name, text := range map[string]string{
		"%v": fmt.Sprintf("%v", *config.S3), "%+v": fmt.Sprintf("%+v", *config.S3), "%#v": fmt.Sprintf("%#v", *config.S3),
		"%s": fmt.Sprintf("%s", config.S3.AccessKeySecret), "%q": fmt.Sprintf("%q", config.S3.AccessKeySecret),
		"%x": fmt.Sprintf("%x", config.S3.AccessKeySecret), "JSON": string(body), "log": log.String(),
	} {
		if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
			t.Errorf("%s shows the secret: %s", name, text)
		}
	}
	if !strings.Contains(string(body), `"access_key_secret":"******"`) {
		t.Errorf("JSON does not show the mask: %s", body)
	}
	if config.S3.AccessKeySecret.Reveal() != canary {
		t.Error("Reveal must return the value")
	}
}

func TestFileTypeOf(t *testing.T) {
	names := map[string]connector.FileType{
		"a.txt": connector.Text, "A.PDF": connector.PDF, "x/y.JPeG": connector.Picture, "s.pptx": connector.PPT,
		"d.docx": connector.Word, "r.md": connector.Markdown, "t.csv": connector.CSV, "p.parquet": connector.Parquet,
		"q.sql": connector.SQL, "none": connector.UnknownFile, "x.tar.gz": connector.UnknownFile, ".csv": connector.CSV,
	}
	got := map[string]connector.FileType{}
	for name := range names {
		got[name] = connector.FileTypeOf(name)
	}
	if diff := cmp.Diff(names, got); diff != "" {
		t.Errorf("FileTypeOf (-want +got):\n%s", diff)
	}
}
