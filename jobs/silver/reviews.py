"""Reviews without what identifies people or pays for things."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

# Letters and marks of any script, and what else RFC 5322 lets stand before the at sign.
WORD = r"\p{L}\p{M}\p{N}_"
E_MAIL = rf"[{WORD}.!#$%&'*+/=?^`{{|}}~-]+@[{WORD}-]+(\.[{WORD}-]+)+"
# What people put between digits: blanks and dashes of any kind, dots; pasted ones come twice.
BETWEEN = r"[\s\p{Z}\p{Pd}._]{0,2}"
# First four blocks of four, so that digits after a card number do not hide it; then any run.
CARD_IN_BLOCKS = rf"(?<!\d)\d{{4}}({BETWEEN})\d{{4}}\1\d{{4}}\1\d{{4}}(?!\d)"
CARD_IN_DIGITS = rf"(?<!\d)\d(?:{BETWEEN}\d){{12,18}}(?!\d)"
MASKED_CARDS = """
aggregate(
  array_union(
    regexp_extract_all(text, '{blocks}', 0),
    regexp_extract_all(text, '{digits}', 0)
  ),
  text,
  (masked, number) -> if(
    luhn_check(regexp_replace(number, '[^0-9]', '')), replace(masked, number, '[card]'), masked
  )
)
"""


def transform(reviews: DataFrame) -> DataFrame:
    """Each review with its UTC day; e-mails and card numbers in its text are masked.

    A card number is 13 to 19 digits, in blocks or not, whose check digit (Luhn) is right.
    """
    blocks, digits = (_in_sql(pattern) for pattern in (CARD_IN_BLOCKS, CARD_IN_DIGITS))
    masked = F.expr(MASKED_CARDS.format(blocks=blocks, digits=digits))
    return reviews.withColumns(
        {
            "text": F.regexp_replace(masked, E_MAIL, "[e-mail]"),
            "review_date": F.to_date("reviewed_at"),
        }
    )


def _in_sql(pattern: str) -> str:
    """The pattern inside an SQL literal, in which a backslash is written twice."""
    return pattern.replace("\\", "\\\\")
