-- The same computation on the same bytes in an embedded engine: validate, deduplicate, explode,
-- convert, aggregate, each table of the pipeline materialised as Parquet.
COPY (
  SELECT order_id, customer_id, ordered_at, CAST(ordered_at AS DATE) AS order_date, currency,
         items, total_cents
  FROM (
    SELECT DISTINCT ON (order_id) *
    FROM read_ndjson('{folder}/orders.jsonl', ignore_errors = true, columns = {
      order_id: 'VARCHAR', customer_id: 'VARCHAR', ordered_at: 'TIMESTAMP', currency: 'VARCHAR',
      items: 'STRUCT(line_number INTEGER, product_id VARCHAR, quantity INTEGER, unit_price_cents BIGINT)[]',
      total_cents: 'BIGINT'})
    WHERE order_id IS NOT NULL AND customer_id IS NOT NULL
      AND currency IN ('EUR', 'USD', 'GBP', 'PLN', 'SEK')
      AND ordered_at <= now()::TIMESTAMP + INTERVAL 1 HOUR
      AND len(items) > 0
      AND len(list_filter(items, lambda i: i.quantity BETWEEN 1 AND 1000
                          AND i.unit_price_cents BETWEEN 0 AND 100000000)) = len(items)
      AND total_cents = list_sum(list_transform(items, lambda i: i.quantity::HUGEINT * i.unit_price_cents))
  )
) TO '{folder}/silver_orders.parquet' (FORMAT parquet, COMPRESSION zstd);

COPY (
  SELECT order_id, customer_id, order_date, currency, item.line_number, item.product_id,
         item.quantity, item.unit_price_cents, item.quantity * item.unit_price_cents AS amount_cents
  FROM (SELECT *, unnest(items) AS item FROM '{folder}/silver_orders.parquet')
) TO '{folder}/silver_order_items.parquet' (FORMAT parquet, COMPRESSION zstd);

COPY (
  SELECT lines.*, CAST(round(lines.amount_cents * rates.rate_to_eur, 0) AS BIGINT) AS revenue_eur_cents
  FROM '{folder}/silver_order_items.parquet' AS lines
  JOIN read_csv('{folder}/{rates}', columns = {
    rate_date: 'DATE', currency: 'VARCHAR', rate_to_eur: 'DECIMAL(18, 6)'}) AS rates
    ON rates.rate_date = lines.order_date AND rates.currency = lines.currency
) TO '{folder}/fact_order_items.parquet' (FORMAT parquet, COMPRESSION zstd);

SELECT order_date, category, count(DISTINCT order_id) AS orders_count, count(*) AS items_count,
       sum(quantity) AS units_count, sum(revenue_eur_cents) AS revenue_eur_cents
FROM '{folder}/fact_order_items.parquet'
JOIN read_ndjson('{folder}/{products}') USING (product_id)
GROUP BY ALL ORDER BY ALL;
