-- The database of one service, its owner, and the roles of its processes. To be run by an administrator, once for each
-- service, and again to change passwords:
--
--   psql -X -v ON_ERROR_STOP=1 -v service=sync -v owner="$OWNER" -v api="$API" -v worker="$WORKER" \
--     -f deploy/postgres/roles.sql
--
-- The owner migrates (python -m services.sync migrate), which also says what the others may do: see
-- shared/pipeline/rights.py. psql hides no password from a statement's log, so nothing here is logged.

SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;

SELECT format('CREATE ROLE %I', r) FROM unnest(ARRAY[:'service', :'service' || '_api', :'service' || '_worker']) AS r
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) \gexec

SELECT format('ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD %L', r, p)
FROM (VALUES (:'service', :'owner'), (:'service' || '_api', :'api'), (:'service' || '_worker', :'worker')) AS v (r, p)
\gexec

SELECT format('CREATE DATABASE %I OWNER %I', :'service', :'service')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'service') \gexec

REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
