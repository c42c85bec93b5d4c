// Package bench compares Inlet's transfer engine with other programs that copy
// from S3 to a folder, all of them in one run against one server, each as a
// process of its own, so that its CPU time and memory can be told:
//
//	INLET_TEST_S3SERVER=… INLET_BENCH_RCLONE=… go test -bench . -benchtime 5x
//
// INLET_TEST_S3SERVER names the program of the s3server module beside this
// one, INLET_BENCH_RCLONE an rclone; without the latter its columns are left
// out. INLET_BENCH_DIR is where files are copied to (/dev/shm if there is one).
package bench
