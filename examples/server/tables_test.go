package main

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/parquet-go/parquet-go"
)

// tableServer is a database whose tables the server loads.
type tableServer struct {
	t    *testing.T
	kind string // as configs name it
	db   *sql.DB
	info object // connection_info
}

func openPostgres(t *testing.T) *tableServer {
	t.Helper()
	address := os.Getenv("INLET_TEST_POSTGRES")
	if address == "" {
		t.Skip("SKIPPED: INLET_TEST_POSTGRES names no PostgreSQL server")
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	return openTables(t, "PostgreSQL", "pgx", address, u.Host, strings.Trim(u.Path, "/"), u.User.Username(), password)
}

func openMariaDB(t *testing.T) *tableServer {
	t.Helper()
	address := os.Getenv("INLET_TEST_MARIADB")
	if address == "" {
		t.Skip("SKIPPED: INLET_TEST_MARIADB names no MySQL or MariaDB server")
	}
	c, err := mysql.ParseDSN(address)
	if err != nil {
		t.Fatal(err)
	}
	return openTables(t, "MySQL", "mysql", address, c.Addr, c.DBName, c.User, c.Passwd)
}

func openTables(t *testing.T, kind, driver, address, hostPort, name, user, password string) *tableServer {
	t.Helper()
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	host, text, err := net.SplitHostPort(hostPort)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return &tableServer{t, kind, db, object{"host": host, "port": port, "name": name, "username": user, "password": password}}
}

func (s *tableServer) exec(text string) {
	s.t.Helper()
	if _, err := s.db.Exec(text); err != nil {
		s.t.Fatalf("%.200s: %v", text, err)
	}
}

// versions makes a table whose rows have a version each, and removes it after
// the test.
func (s *tableServer) versions(name string) string {
	s.t.Helper()
	name = fmt.Sprintf("inlet_server_%s_%d", name, os.Getpid())
	s.exec("DROP TABLE IF EXISTS " + name)
	s.exec("CREATE TABLE " + name + " (id int PRIMARY KEY, version int NOT NULL, changed timestamp(6) NULL)")
	s.t.Cleanup(func() { s.exec("DROP TABLE " + name) })
	return name
}

// insert adds rows of the version 0.
func (s *tableServer) insert(table string, from, to int) {
	s.t.Helper()
	var values []string
	for id := from; id <= to; id++ {
		values = append(values, fmt.Sprintf("(%d, 0, now())", id))
	}
	s.exec("INSERT INTO " + table + " VALUES " + strings.Join(values, ", "))
}

// rows returns "id version" of each row, sorted.
func (s *tableServer) rows(table string) (list []string) {
	s.t.Helper()
	rows, err := s.db.Query("SELECT id, version FROM " + table)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, version int
		if err := rows.Scan(&id, &version); err != nil {
			s.t.Fatal(err)
		}
		list = append(list, fmt.Sprint(id, " ", version))
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// parquetRows returns "id version" of each row of a file.
func parquetRows(t *testing.T, data []byte) (list []string) {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	r := parquet.NewReader(file)
	defer r.Close()
	buf := make([]parquet.Row, 100)
	for {
		n, err := r.ReadRows(buf)
		for _, row := range buf[:n] {
			list = append(list, fmt.Sprint(row[0].Int64(), " ", row[1].Int64()))
		}
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// table makes a connector to a table and returns its id.
func (p *process) table(s *tableServer, table string, batch int) int64 {
	p.t.Helper()
	var made struct{ ID int64 }
	p.mustCall("/connectors", object{"name": table, "source_type": 101, "config": object{"definition": object{
		"id": "database-1.0.0", "config": object{
			"connector_config": object{
				"databaseType": s.kind, "connection_info": s.info,
				"schemaInfo": object{"table": table, "timestampColumn": "changed"},
			},
			"operations_config": object{"batch_size": batch},
		},
	}}}, &made)
	return made.ID
}

// every makes a task for everything that runs now, and again after minutes.
func (p *process) every(minutes int, connector int64, volume string) string {
	p.t.Helper()
	var made struct {
		TaskID string `json:"task_id"`
	}
	p.mustCall("/task", object{"source_connector_id": connector, "volume_id": volume, "config_type": 1, "source_config": object{
		"common_file_task_config": object{"uris": []string{"/"}, "load_mode_config": object{"load_interval_type": 3, "interval": minutes}},
	}}, &made)
	return made.TaskID
}

// again makes a task by minutes run again soon: a new interval begins now.
func (p *process) again(task string, minutes int) {
	p.t.Helper()
	p.mustCall("/task/update", object{"task_id": task, "source_config": object{
		"common_file_task_config": object{"load_mode_config": object{"load_interval_type": 3, "interval": minutes}},
	}}, nil)
}

// volumeFiles returns the visible files of a volume.
func (p *process) volumeFiles(volume string) []fileRow {
	p.t.Helper()
	var data struct{ Items []fileRow }
	p.mustCall("/DescribeOriginVolume", object{"id": volume}, &data)
	return data.Items
}

// volumeRows returns the rows of a volume's files, sorted.
func (p *process) volumeRows(volume string) (list []string, files int) {
	p.t.Helper()
	all := p.volumeFiles(volume)
	for _, f := range all {
		if !strings.HasSuffix(f.Name, ".parquet") || f.Size == 0 {
			p.t.Errorf("the volume shows %+v", f)
		}
		list = append(list, parquetRows(p.t, p.fetch(volume, f.ID))...)
	}
	slices.Sort(list)
	return list, len(all)
}

// TestServerLoadsATable makes a connector, a volume and a task by the API, and
// reads the table back from the volume; then of what changed, only that.
func TestServerLoadsATable(t *testing.T) {
	for _, open := range []func(*testing.T) *tableServer{openPostgres, openMariaDB} {
		t.Run("", func(t *testing.T) {
			s := open(t)
			table := s.versions("load")
			s.insert(table, 1, 95)
			s.exec("INSERT INTO " + table + " VALUES (96, 0, NULL), (97, 0, NULL)")
			before := s.rows(table)
			p := start(t, "-data", t.TempDir(), "-allow-net", "127.0.0.0/8")
			volume := p.volume("v")
			task := p.every(1, p.table(s, table, 10), volume)
			minutes := 1
			await := func(rows int) {
				t.Helper()
				for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
					if got, _ := p.volumeRows(volume); len(got) >= rows {
						return
					}
					if time.Now().After(deadline) {
						t.Fatalf("the rows do not come\n%s", p.logged())
					}
					minutes = 3 - minutes
					p.again(task, minutes) // the first run may have been too early for the latest rows
				}
			}
			await(len(before))
			got, files := p.volumeRows(volume)
			if diff := cmp.Diff(before, got); diff != "" || files < 10 {
				t.Fatalf("%d files (-table +volume):\n%s", files, diff)
			}

			s.exec("UPDATE " + table + " SET version = 1, changed = now() WHERE id BETWEEN 31 AND 36")
			s.insert(table, 201, 203)
			s.exec("UPDATE " + table + " SET version = 9 WHERE id = 50") // without a new timestamp: not seen
			await(len(before) + 9)
			want := slices.Clone(before)
			for id := 31; id <= 36; id++ {
				want = append(want, fmt.Sprint(id, " 1"))
			}
			want = append(want, "201 0", "202 0", "203 0")
			slices.Sort(want)
			got, _ = p.volumeRows(volume)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("after the change (-want +got):\n%s", diff)
			}
			if err := p.stop(); err != nil {
				t.Errorf("SIGTERM: %v\n%s", err, p.logged())
			}
		})
	}
}
