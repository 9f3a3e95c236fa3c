-- The shop's own database. Run with search_path set to its schema; running it again changes nothing.
-- Time is the simulation's: a session says what time it is in the setting shop.clock.

CREATE TABLE IF NOT EXISTS customers (
    customer_id text PRIMARY KEY,
    email text NOT NULL,
    full_name text NOT NULL,
    phone text,
    segment text NOT NULL CHECK (segment IN ('consumer', 'business', 'vip')),
    created_at timestamptz(3) NOT NULL,
    updated_at timestamptz(3) NOT NULL
);

CREATE TABLE IF NOT EXISTS addresses (
    address_id text PRIMARY KEY,
    customer_id text NOT NULL REFERENCES customers ON DELETE CASCADE,
    street text NOT NULL,
    postal_code text NOT NULL,
    city text NOT NULL,
    country char(2) NOT NULL,
    updated_at timestamptz(3) NOT NULL
);

CREATE TABLE IF NOT EXISTS products (
    product_id text PRIMARY KEY,
    name text NOT NULL,
    category text NOT NULL,
    list_price_cents bigint NOT NULL CHECK (list_price_cents > 0),
    currency char(3) NOT NULL,
    updated_at timestamptz(3) NOT NULL
);

CREATE TABLE IF NOT EXISTS inventory (
    product_id text PRIMARY KEY REFERENCES products,
    reorder_point_units integer NOT NULL CHECK (reorder_point_units >= 0),
    lead_time_days integer NOT NULL CHECK (lead_time_days > 0),
    updated_at timestamptz(3) NOT NULL
);

CREATE TABLE IF NOT EXISTS inventory_movements (
    movement_id text PRIMARY KEY,
    product_id text NOT NULL REFERENCES products,
    kind text NOT NULL CHECK (kind IN ('receipt', 'sale', 'return', 'adjustment')),
    units integer NOT NULL CHECK (units <> 0),
    moved_at timestamptz(3) NOT NULL,
    updated_at timestamptz(3) NOT NULL
);

-- Every change of a table that is pulled, as it became, in the order in which it was made. Who asks
-- now and then finds each version here, whatever its clock says, and each row that left. Nothing
-- here can be refused: keeping a change never fails the statement that made it.
CREATE TABLE IF NOT EXISTS changes (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    table_name text NOT NULL,
    operation text NOT NULL,
    changed_at timestamptz NOT NULL,
    row jsonb NOT NULL
);

CREATE INDEX IF NOT EXISTS addresses_customer_id ON addresses (customer_id);
CREATE INDEX IF NOT EXISTS changes_of_table ON changes (table_name, transaction_id);

-- Which days of the simulation the database has lived through, and which run they came from.
CREATE TABLE IF NOT EXISTS simulated_days (
    day date PRIMARY KEY,
    run_id text
);

-- What time it is: the simulation's, or else the wall's.
CREATE OR REPLACE FUNCTION shop_time() RETURNS timestamptz LANGUAGE sql AS $$
    SELECT CASE WHEN pg_input_is_valid(told, 'timestamptz') THEN told::timestamptz
        ELSE clock_timestamp() END
    FROM current_setting('shop.clock', true) AS told
$$;

-- Once a statement, for all its rows. The triggers' argument names the key column: a row whose key
-- is changed leaves under the old one.
CREATE OR REPLACE FUNCTION keep_changes() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    keep CONSTANT text := format(
        'INSERT INTO %1$I.changes (table_name, operation, changed_at, row) '
        'SELECT %2$L, $1, %1$I.shop_time(), to_jsonb(line) FROM ', TG_TABLE_SCHEMA, TG_TABLE_NAME);
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        EXECUTE format(keep || '%I.%I AS line', TG_TABLE_SCHEMA, TG_TABLE_NAME) USING 'delete';
        -- The log has no rows of a TRUNCATE; who follows it is told of each one, too.
        PERFORM set_config('session_replication_role', 'replica', true);
        EXECUTE format('DELETE FROM %I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME);
        PERFORM set_config('session_replication_role', 'origin', true);
    ELSIF TG_OP = 'DELETE' THEN
        EXECUTE keep || 'left_rows AS line' USING 'delete';
    ELSIF TG_OP = 'INSERT' THEN
        EXECUTE keep || 'new_rows AS line' USING 'upsert';
    ELSE
        EXECUTE format(keep || 'left_rows AS line WHERE NOT EXISTS '
            '(SELECT FROM new_rows WHERE new_rows.%1$I = line.%1$I)', TG_ARGV[0]) USING 'delete';
        EXECUTE keep || 'new_rows AS line' USING 'upsert';
    END IF;
    RETURN NULL;
END
$$;

-- What kept them before, and could refuse a statement.
DROP FUNCTION IF EXISTS remember_deletion, remember_version CASCADE;

-- Rows that were there before their changes were kept are as if they came now.
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT * FROM (VALUES
            ('customers', 'customer_id'), ('addresses', 'address_id'),
            ('products', 'product_id'), ('inventory', 'product_id'),
            ('inventory_movements', 'movement_id')
        ) AS keyed (name, key)
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_trigger
            WHERE tgrelid = found.name::regclass AND tgname = 'keep_inserts');
        EXECUTE format('INSERT INTO changes (table_name, operation, changed_at, row) '
            'SELECT %1$L, ''upsert'', shop_time(), to_jsonb(line) FROM %1$I AS line', found.name);
        EXECUTE format('CREATE TRIGGER keep_inserts AFTER INSERT ON %I '
            'REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT '
            'EXECUTE FUNCTION keep_changes(%L)', found.name, found.key);
        EXECUTE format('CREATE TRIGGER keep_updates AFTER UPDATE ON %I '
            'REFERENCING OLD TABLE AS left_rows NEW TABLE AS new_rows FOR EACH STATEMENT '
            'EXECUTE FUNCTION keep_changes(%L)', found.name, found.key);
        EXECUTE format('CREATE TRIGGER keep_deletes AFTER DELETE ON %I '
            'REFERENCING OLD TABLE AS left_rows FOR EACH STATEMENT '
            'EXECUTE FUNCTION keep_changes(%L)', found.name, found.key);
        EXECUTE format('CREATE TRIGGER keep_truncates BEFORE TRUNCATE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION keep_changes(%L)', found.name, found.key);
    END LOOP;
END
$$;
