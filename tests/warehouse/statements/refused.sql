COPY t TO 'x.csv'
COPY t FROM 'x.csv'
COPY (SELECT 1) TO '/tmp/x.parquet' (FORMAT parquet)
COPY FROM DATABASE a TO b
copy t to 'x'
SELECT 1; COPY t TO 'x.csv'
/* harmless */ COPY t TO 'x.csv'
WITH x AS (COPY t TO 'x.csv') SELECT 1
WITH x AS MATERIALIZED (COPY (SELECT 1) TO 'x.wal' (FORMAT csv, USE_TMP_FILE false)) SELECT * FROM x
EXPLAIN COPY t TO 'x.csv'
EXPLAIN ANALYZE COPY t TO 'x.csv'
ATTACH 'other.duckdb'
ATTACH ':memory:' AS m
ATTACH IF NOT EXISTS 'x' AS y (READ_ONLY)
DETACH m
USE other
USE main
EXPORT DATABASE 'x'
IMPORT DATABASE 'x'
INSTALL httpfs
FORCE INSTALL httpfs
LOAD httpfs
LOAD './x.duckdb_extension'
UPDATE EXTENSIONS
UPDATE EXTENSIONS (httpfs)
CREATE SECRET s (TYPE http, BEARER_TOKEN 'x')
CREATE PERSISTENT SECRET s (TYPE s3, KEY_ID 'x')
DROP SECRET s
SET memory_limit = '1GB'
SET GLOBAL threads = 9
SET lock_configuration = false
SET SESSION search_path = 'x'
SET VARIABLE x = 1
RESET memory_limit
RESET lock_configuration
PRAGMA database_list
PRAGMA threads = 7
PRAGMA table_info('t')
PRAGMA enable_profiling
CALL pragma_version()
CALL enable_logging()
CHECKPOINT
FORCE CHECKPOINT
VACUUM
VACUUM ANALYZE t
ANALYZE
PREPARE p AS SELECT 1
EXECUTE p
DEALLOCATE p
CONNECT 'quack:localhost'
GRANT SELECT ON t TO u
CREATE DATABASE x
DROP DATABASE x
ALTER DATABASE x RENAME TO y
CREATE TRIGGER tr AFTER INSERT ON t FOR EACH ROW DELETE FROM t
SHOW DATABASES
SELECT * FROM 'x.csv'
FROM '/etc/passwd'
SELECT * FROM t JOIN 'x.parquet' USING (a)
SELECT (FROM 'x.csv')
DESCRIBE 'x.csv'
SUMMARIZE 'x.csv'
INSERT INTO t FROM 'x.csv'
CREATE TABLE t AS FROM 'x.json'
SELECT * FROM read_csv('x')
SELECT * FROM READ_CSV_AUTO('x')
SELECT * FROM read_parquet(['x', 'y'])
SELECT * FROM read_json_auto('x')
SELECT * FROM read_text('/etc/passwd')
SELECT * FROM "read_text" ('/etc/passwd')
SELECT * FROM main.read_blob('x.duckdb')
SELECT * FROM read_text/* hidden */('/etc/passwd')
SELECT read_text('/etc/passwd')
SELECT * FROM read_duckdb('x')
SELECT * FROM glob('/etc/*')
SELECT * FROM sniff_csv('x')
SELECT * FROM parquet_metadata('x')
SELECT * FROM parquet_scan('x')
SELECT * FROM which_secret('s3://x', 's3')
SELECT * FROM duckdb_secrets()
SELECT * FROM duckdb_settings()
SELECT * FROM duckdb_databases()
SELECT * FROM duckdb_databases
SELECT * FROM main.duckdb_databases
SELECT * FROM pragma_database_list
SELECT * FROM pg_catalog.pg_settings
SELECT * FROM duckdb_temporary_files()
SELECT * FROM duckdb_logs
SHOW duckdb_databases
DESCRIBE duckdb_databases
SELECT * FROM pragma_database_size()
SELECT * FROM checkpoint()
SELECT * FROM force_checkpoint()
SELECT * FROM arrow_scan(1, 2, 3)
SELECT * FROM python_map_function(1)
SELECT * FROM seq_scan('t')
SELECT * FROM json_execute_serialized_sql(json_serialize_sql('select 43'))
SELECT * FROM query('SELECT ' || '1')
SELECT * FROM query('COPY t TO ''x''')
SELECT * FROM query('SELECT * FROM read_csv(''x'')')
SELECT * FROM query('DROP TABLE t')
SELECT * FROM query_table(a)
SELECT * FROM query_table('main.duckdb_databases')
SELECT * FROM query_table(['t', 'duckdb_databases'])
CREATE VIEW v AS SELECT * FROM read_csv('x')
CREATE MACRO f(x) AS TABLE SELECT * FROM read_text(x)
CREATE MACRO f(q) AS TABLE SELECT * FROM query(q)
INSERT INTO t SELECT * FROM read_csv('x')
DELETE FROM t WHERE a IN (SELECT a FROM read_csv('x'))
SELECT current_setting('temp_directory')
SELECT getenv('HOME')
SELECT write_log('x')
SELECT sleep_ms(100000)
SELECT __internal_decompress_string('x')
CREATE TYPE e AS ENUM (SELECT content FROM read_text('x'))
SELECT 'not closed
SELECT (1
SELECT FROM WHERE
SELEC 1
this is not SQL
-- only a comment
;
