"""Which functions an analyst may name: each of the engine's is allowed or refused, none is neither.

A function is named in a call, or as a bare word: `arrayMap(file, ...)` calls one by its name.
"""

from pathlib import Path

ALLOWED = frozenset(Path(__file__).with_name("functions.txt").read_text().split())
# What the parse tree calls a function and the engine does not list as one.
SYNTAX = frozenset({"exists", "grouping", "lambda", "untuple"})
# By what they do.
REFUSED = frozenset(
    word
    for line in """
    # call models over the network
    aiclassify aiembed aiextract aifilter aigenerate airedact aisimilarity aitranslate
    assigncentroid evalmlmethod naivebayesclassifier naivebayesclassifierwithallprobs
    naivebayesclassifierwithprob naivebayesngrams
    # read files
    file filesystemavailable filesystemcapacity filesystemunreserved joinget
    joingetornull regionhierarchy regionin regiontoarea regiontocity regiontocontinent
    regiontocountry regiontodistrict regiontoname regiontopopulation
    regiontotopcontinent
    # look into the process, its settings or its host
    addresstoline addresstolinewithinlines addresstosymbol authenticateduser authuser
    buildid currenthandler currentrequesturl demangle flamegraph fqdn fullhostname
    getclienthttpheader getmacro getmaxtablenamelengthfordatabase getmergetreesetting
    getoskernelversion getserverport getserversetting
    globalvariable hasthreadfuzzer initial_query_id initial_query_start_time
    initialqueryid initialquerystarttime mergetreepartinfo pggetuserbyid serveruuid
    showcertificate tcpport tid transactionid transactionlatestsnapshot
    transactionoldestsnapshot zookeepersessionuptime
    # wait, write or fail on purpose
    aggthrow fuzzbits fuzzquery generaterandomstructure generateserialid logtrace sleep
    sleepeachrow timeseriesstoretags
    # print in a format of their own choice, which may read a schema from a file
    formatrow formatrownonewline groupformat
    # take the square of their input's length in one uninterruptible step
    arraylevenshteindistance arraylevenshteindistanceweighted arraysimilarity
    dameraulevenshteindistance editdistance editdistanceutf8 hierarchicalkmeans
    jarosimilarity jarowinklersimilarity levenshteindistance levenshteindistanceutf8
    multifuzzymatchallindices multifuzzymatchany multifuzzymatchanyindex
    # are the engine's own
    __actionname __applyfilter __bitboolmaskand __bitboolmaskor __bitswaplasttwo
    __bitwrapperfunc __getscalar __groupingforcube __groupingforgroupingsets
    __groupingforrollup __groupingordinary __patchpartitionid __scalarsubqueryresult
    __toyearcalendaronly
    """.splitlines()
    if not line.strip().startswith("#")
    for word in line.split()
)
COMBINATORS = (
    *("argmax", "argmin", "array", "distinct", "foreach", "if", "map", "merge", "mergestate"),
    *("null", "ordefault", "ornull", "resample", "simplestate", "state", "tuple"),
)


def is_allowed(name: str) -> bool:
    """Whether a call of this name is harmless; aggregate functions take endings, such as sumIf."""
    lowered = name.lower()
    if lowered in ALLOWED or lowered in SYNTAX:
        return True
    endings = (lowered.removesuffix(end) for end in COMBINATORS if lowered.endswith(end))
    return any(is_allowed(begin) for begin in endings if begin)


def is_refused_word(name: str) -> bool:
    """Whether a bare word may be the name of a function that is not allowed."""
    return name.lower() in REFUSED
