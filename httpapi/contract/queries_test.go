package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/inlet-go/inlet/query"
)

const cannerWorkspace = "444e8753-a4c0-4875-bdc0-834c79061d56"

// sql executes a statement, waits for its end and returns the query's id.
func (s *server) sql(text string) (id string) {
	s.t.Helper()
	var q struct{ ID string }
	s.json(s.do(200, "good", "POST", "/api/v1/query", fmt.Sprintf(`{"workspaceId":%q,"sql":%q,"wait":10000}`, cannerWorkspace, text)), &q)
	return q.ID
}

func (s *server) json(text string, into any) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		s.t.Fatalf("%v in %s", err, text)
	}
}

// sqlQueries calls the operations on queries, saved SQL and the service.
func (s *server) sqlQueries() {
	const in = "?workspaceId=" + cannerWorkspace
	body := fmt.Sprintf(`{"workspaceId":%q}`, cannerWorkspace)
	numbers := s.sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, 'a text' AS t, i / 2.0, NULL FROM n")
	empty, failed := s.sql("SELECT 1 WHERE 1 = 0"), s.sql("SELECT nothing FROM nowhere")
	for _, more := range []string{`,"cacheRefresh":"false","cacheTTL":86400`, `,"cacheRefresh":false,"cacheTTL":0.5`, `,"cacheTTL":1`, ``} {
		s.do(200, "good", "POST", "/api/v1/query", fmt.Sprintf(`{"workspaceId":%q,"sql":"SELECT 1"%s}`, cannerWorkspace, more))
	}
	for _, bad := range []string{`"cacheTTL":-1`, `"cacheTTL":"x"`, `"cacheRefresh":1`, `"wait":-1`, `"sql":1`, `"workspaceId":1`} {
		s.do(400, "good", "POST", "/api/v1/query", `{`+bad+`}`)
	}
	for _, id := range []string{numbers, empty, failed} {
		one := "/api/v1/query/" + id
		s.do(200, "good", "GET", one+in, "")
		s.do(200, "good", "PUT", one+"/cancel", body)
		s.do(200, "good", "PUT", one+"/cancel"+in, "")
	}
	s.do(200, "good", "GET", "/api/v1/queries"+in, "")
	s.do(200, "good", "GET", "/api/v1/queries"+in+"&limit=5000&offset=1", "")
	result := "/api/v1/query/" + numbers + "/result"
	for _, part := range []string{"", "&limit=10000&offset=0", "&limit=0", "&limit=200000&offset=19999", "&offset=30000"} {
		s.do(200, "good", "GET", result+in+part, "")
	}
	for _, bad := range []string{"&limit=some-string", "&limit=-1", "&offset=1.5"} {
		s.do(400, "good", "GET", result+in+bad, "")
		s.do(400, "good", "GET", "/api/v1/queries"+in+bad, "")
	}
	for _, format := range []string{"", "&format=csv", "&format=parquet"} {
		s.do(200, "good", "GET", result+"/download"+in+format, "")
	}
	s.do(400, "good", "GET", result+"/download"+in+"&format=doc", "")
	for _, what := range []string{"", "/signedUrls", "/download"} {
		s.do(400, "good", "GET", "/api/v1/query/"+failed+"/result"+what+in, "")
	}
	s.do(200, "good", "GET", "/api/v1/query/"+empty+"/result/signedUrls"+in, "")
	link := s.resultLink(s.do(200, "good", "GET", result+"/signedUrls"+in, ""))
	s.bucket.down.Store(true)
	s.do(503, "good", "GET", result+in, "")
	s.bucket.down.Store(false)
	s.savedSQL(in, body)
	s.do(200, "good", "GET", "/api/v1/service/SQL_ENGINE", "")
	s.do(200, "good", "PUT", "/api/v1/service/SQL_ENGINE", `{"state":false}`)
	for end := time.Now().Add(10 * time.Second); !strings.Contains(s.do(200, "good", "GET", "/api/v1/service/SQL_ENGINE", ""), query.EngineStopped); {
		if time.Now().After(end) {
			s.t.Fatal("the engine does not stop")
		}
	}
	s.do(200, "good", "PUT", "/api/v1/service/SQL_ENGINE", `{"state":"true"}`)
	if _, err := s.store.ExpireQueries(context.Background(), time.Now().Add(time.Hour), 1000); err != nil {
		s.t.Fatal(err)
	}
	s.do(404, "", "GET", link, "")
	s.queryRefusals()
}

func (s *server) savedSQL(in, body string) {
	s.t.Helper()
	var saved struct{ ID string }
	s.json(s.do(200, "good", "POST", "/api/v1/sql", fmt.Sprintf(`{"workspaceId":%q,"title":"T","description":"d","sql":"SELECT 1"}`, cannerWorkspace)), &saved)
	one := "/api/v1/sql/" + saved.ID
	s.do(200, "good", "GET", one+in, "")
	s.do(200, "good", "POST", one, body)
	s.do(200, "good", "GET", one+in, "")
	s.do(200, "good", "PUT", one+in, `{"title":"New"}`)
	s.do(400, "good", "PUT", one+in, `{"title":""}`)
	s.do(200, "good", "GET", "/api/v1/sqls"+in, "")
	s.do(200, "good", "DELETE", one+in, "")
}

// resultLink follows a link to a result, and returns it.
func (s *server) resultLink(text string) string {
	s.t.Helper()
	var links struct{ SignedURLs []string }
	s.json(text, &links)
	link := links.SignedURLs[0]
	if file := s.do(200, "", "GET", link, ""); !strings.HasPrefix(file, "PAR1") {
		s.t.Errorf("the file begins with %.10q", file)
	}
	s.do(400, "", "GET", link+"&a=%zz", "")
	s.do(403, "", "GET", link+"x", "")
	s.do(403, "", "GET", strings.Replace(link, "result.parquet", "result.csv", 1), "")
	s.bucket.down.Store(true)
	s.do(503, "", "GET", link, "")
	s.bucket.down.Store(false)
	return link
}

// queryRefusals sends to each operation what any of them refuses.
func (s *server) queryRefusals() {
	fill := strings.NewReplacer("{id}", "5", "{service}", "OTHER")
	for path, item := range s.judge.model.Paths.PathItems.FromOldest() {
		if !strings.HasPrefix(path, "/api/v1/") {
			continue
		}
		for method, op := range item.GetOperations().FromOldest() {
			method, target := strings.ToUpper(method), fill.Replace(path)
			s.do(401, "", method, target, "")
			s.do(401, "wrong", method, target, "")
			for _, status := range []int{403, 429, 500, 503} {
				s.do(status, strconv.Itoa(status), method, target, "")
			}
			s.do(400, "good", method, target+"?a=%zz", "")
			if op.RequestBody != nil {
				s.do(400, "good", method, target, "[]")
				s.do(413, "good", method, target, `{"sql":"`+strings.Repeat("x", maxBody)+`"}`)
			}
			if op.Responses.Codes.GetOrZero("404") != nil {
				s.do(404, "good", method, target+"?workspaceId=w", `{"state":true}`)
			}
		}
	}
}
