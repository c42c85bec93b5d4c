package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/connector/archive/archivetest"
)

// The archives of the crash test have this many connectors each, in versions
// that come again.
const (
	packConnectors = 12
	packVersions   = 9
)

// pack is a distribution archive whose connectors all tell a mark.
func pack(version, mark int, filler string) []byte {
	folder := fmt.Sprintf("pack-1.0.%d", version)
	var entries, specs []string
	for i := range packConnectors {
		entries = append(entries, fmt.Sprintf(`{"id":"c%d","name":"C%d","description":"%d","icon":"i.svg"}`, i, i, mark))
		specs = append(specs, fmt.Sprintf(`"c%d":{"title":"%d"}`, i, mark))
	}
	metadata := fmt.Sprintf(`{"metadata":{"id":"pack","name":"Pack","version":"1.0.%d","tenant":"multiple","category":"File","technology":"python",
		"runtime":"spark","licence":"MIT","owner":"o","main_class":null,"main_program":null},"connectors":[%s]}`, version, strings.Join(entries, ","))
	return archivetest.Gzip(archivetest.Tar(
		archivetest.File{folder + "/"}, archivetest.File{folder + "/metadata.json", metadata},
		archivetest.File{folder + "/ui-config.json", "{" + strings.Join(specs, ",") + "}"},
		archivetest.File{folder + "/i.svg", "<svg/>"}, archivetest.File{folder + "/code.bin", filler},
	))
}

// registrations are the marks by version: the last that was acknowledged, and
// those that were sent after it.
type registrations struct {
	acknowledged map[int]int
	sent         map[int][]int
	last         int
	count        atomic.Int64 // of those that were acknowledged
}

// work registers until the server is gone.
func (g *registrations) work(p *process, r *rand.Rand) {
	for {
		version := r.IntN(packVersions)
		g.last++
		g.sent[version] = append(g.sent[version], g.last)
		filler := make([]byte, r.IntN(200<<10))
		for i := range filler {
			filler[i] = byte(r.Uint32())
		}
		var b bytes.Buffer
		form := multipart.NewWriter(&b)
		part, err := form.CreateFormFile("file", fmt.Sprintf("pack-1.0.%d.tar.gz", version))
		if err != nil {
			p.t.Error(err)
			return
		}
		part.Write(pack(version, g.last, string(filler)))
		form.Close()
		res, err := http.Post(p.url+"/v2/connector/register", form.FormDataContentType(), &b)
		if err != nil {
			return
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			p.t.Errorf("register: %s\n%s", res.Status, p.logged())
			return
		}
		g.acknowledged[version], g.sent[version] = g.last, nil
		g.count.Add(1)
	}
}

// TestKilledServerRegistersWholeArchives kills the server at random moments
// while archives are registered: each is registered wholly or not at all.
func TestKilledServerRegistersWholeArchives(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r, when := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2))
	data := t.TempDir()
	g := &registrations{acknowledged: map[int]int{}, sent: map[int][]int{}}
	for i := range kills(t) {
		p := start(t, "-data", data)
		var worker sync.WaitGroup
		worker.Go(func() { g.work(p, r) })
		awaitKill(t, i, when, 200*time.Millisecond, func() int { return int(g.count.Load()) })
		p.kill()
		worker.Wait()
	}
	p := start(t, "-data", data) // what the last one left
	if err := p.stop(); err != nil {
		t.Fatalf("SIGTERM: %v\n%s", err, p.logged())
	}
	if len(g.acknowledged) == 0 {
		t.Fatal("nothing was acknowledged before a kill: this proves nothing")
	}

	a := audit(t, data)
	a.orphans()
	all, err := a.store.Definitions(t.Context(), tenant, connector.DefinitionQuery{})
	if err != nil {
		t.Fatal(err)
	}
	byVersion, live := map[string][]*connector.Definition{}, map[string]int{}
	for _, d := range all {
		byVersion[d.Version] = append(byVersion[d.Version], d)
		if d.Status == connector.Live {
			live[d.Version]++
		}
	}
	if len(live) != 1 {
		t.Errorf("by version, so many connectors are live: %v", live)
	}
	for version := range packVersions {
		defs := byVersion[fmt.Sprintf("1.0.%d", version)]
		marks := map[string]int{}
		for _, d := range defs {
			marks[d.Description]++
			if a.sumOf(d.SourceURL) != d.SHA256 {
				t.Errorf("%s: its archive does not match its SHA-256", d.ID)
			}
			whole, err := a.store.Definition(t.Context(), tenant, d.ID)
			if err != nil || string(whole.UISpec) != fmt.Sprintf(`{"title":"%s"}`, d.Description) {
				t.Errorf("%s of the archive %s: %s, %v", d.ID, d.Description, whole.UISpec, err)
			}
		}
		last, acknowledged := g.acknowledged[version]
		if len(defs) == 0 && !acknowledged {
			continue
		}
		if len(marks) != 1 || len(defs) != packConnectors {
			t.Errorf("version %d has %d connectors of the archives %v", version, len(defs), marks)
			continue
		}
		for mark := range marks {
			if mark != fmt.Sprint(last) && !slices.ContainsFunc(g.sent[version], func(sent int) bool { return mark == fmt.Sprint(sent) }) {
				t.Errorf("version %d is of the archive %s; %d was acknowledged, later ones: %v", version, mark, last, g.sent[version])
			}
		}
	}
	t.Logf("%d kills, %d archives sent, %d connectors registered", kills(t), g.last, len(all))
}
