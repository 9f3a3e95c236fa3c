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

-- Who asks now and then for what changed would never hear of a row that is gone, nor of a version
-- that was replaced before he asked. Both are kept here by trigger, with the instant the version
-- came from in superseded, and the instant the row left in deletions.
CREATE TABLE IF NOT EXISTS deletions (
    table_name text NOT NULL,
    key text NOT NULL,
    row jsonb NOT NULL,
    deleted_at timestamptz(3) NOT NULL,
    PRIMARY KEY (table_name, key, deleted_at)
);

CREATE TABLE IF NOT EXISTS superseded (
    table_name text NOT NULL,
    key text NOT NULL,
    row jsonb NOT NULL,
    updated_at timestamptz(3) NOT NULL,
    PRIMARY KEY (table_name, key, updated_at)
);

CREATE INDEX IF NOT EXISTS customers_updated_at ON customers (updated_at);
CREATE INDEX IF NOT EXISTS addresses_updated_at ON addresses (updated_at);
CREATE INDEX IF NOT EXISTS addresses_customer_id ON addresses (customer_id);
CREATE INDEX IF NOT EXISTS inventory_movements_updated_at ON inventory_movements (updated_at);
CREATE INDEX IF NOT EXISTS deletions_deleted_at ON deletions (table_name, deleted_at);
CREATE INDEX IF NOT EXISTS superseded_updated_at ON superseded (table_name, updated_at);

-- Which days of the simulation the database has lived through, and which run they came from.
CREATE TABLE IF NOT EXISTS simulated_days (
    day date PRIMARY KEY,
    run_id text
);

-- The triggers' argument names the key column. An unset clock raises: wall time is never taken.
CREATE OR REPLACE FUNCTION remember_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO %I.deletions VALUES ($1, $2, $3, $4)', TG_TABLE_SCHEMA)
    USING TG_TABLE_NAME, to_jsonb(OLD) ->> TG_ARGV[0], to_jsonb(OLD),
          current_setting('shop.clock')::timestamptz;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION remember_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO %I.superseded VALUES ($1, $2, $3, $4)', TG_TABLE_SCHEMA)
    USING TG_TABLE_NAME, to_jsonb(OLD) ->> TG_ARGV[0], to_jsonb(OLD), OLD.updated_at;
    RETURN NULL;
END
$$;

-- Movements of stock are only ever added, so they need none of this.
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT * FROM (VALUES
            ('customers', 'customer_id'), ('addresses', 'address_id'),
            ('products', 'product_id'), ('inventory', 'product_id')
        ) AS keyed (name, key)
    LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER remember_deletion AFTER DELETE ON %I '
            'FOR EACH ROW EXECUTE FUNCTION remember_deletion(%L)', found.name, found.key);
        EXECUTE format('CREATE OR REPLACE TRIGGER remember_last_version AFTER DELETE ON %I '
            'FOR EACH ROW EXECUTE FUNCTION remember_version(%L)', found.name, found.key);
        -- Two changes in one instant are one version.
        EXECUTE format('CREATE OR REPLACE TRIGGER remember_version AFTER UPDATE ON %I '
            'FOR EACH ROW WHEN (OLD.updated_at < NEW.updated_at) '
            'EXECUTE FUNCTION remember_version(%L)', found.name, found.key);
    END LOOP;
END
$$;
