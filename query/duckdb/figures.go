package duckdb

import (
	"strconv"
	"time"

	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/inlet-go/inlet/query"
)

// profiling makes an instance count what it does.
var profiling = []string{
	"SET enable_profiling = 'no_output'",
	`SET custom_profiling_settings = '{"CPU_TIME": "true", "CUMULATIVE_ROWS_SCANNED": "true",
		"SYSTEM_PEAK_BUFFER_MEMORY": "true", "SYSTEM_PEAK_TEMP_DIR_SIZE": "true"}'`,
}

// figures adds what the statement took, as far as DuckDB tells.
func (i *instance) figures(now *query.Progress) {
	info := duckdb.GetProfilingInfo(i.conn)
	if info.Ptr == nil {
		return // it did not come so far
	}
	metrics := duckdb.ProfilingInfoGetMetrics(info)
	defer duckdb.DestroyValue(&metrics)
	for n := range duckdb.GetMapSize(metrics) {
		key, value := duckdb.GetMapKey(metrics, n), duckdb.GetMapValue(metrics, n)
		name, text := duckdb.GetVarchar(key), duckdb.GetVarchar(value)
		duckdb.DestroyValue(&key)
		duckdb.DestroyValue(&value)
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			continue
		}
		switch name {
		case "CPU_TIME":
			now.CPU += time.Duration(f * float64(time.Second))
		case "CUMULATIVE_ROWS_SCANNED":
			now.ProcessedRows = int64(f)
		case "SYSTEM_PEAK_BUFFER_MEMORY":
			now.PeakMemory = int64(f)
		case "SYSTEM_PEAK_TEMP_DIR_SIZE":
			now.Spilled = int64(f)
		}
	}
}
