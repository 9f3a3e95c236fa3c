"""Java for what lives for a minute: its optimising compiler would work for nobody."""

QUICK_START = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
# Every Java that starts with it takes these options too.
SHORT_LIVED = {"JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1"}
