"""The lab: runs of models over a dataset, kept so that hallucinations can be found, understood, counted and compared.

lab = Lab(Path("lab"))
run = import_predictions(lab, "theirs", open_dataset("ReVOS", "revos"), Path("predictions"))
run.table.filter(compile_query("jf < 30 and absent == false"))
compare(lab.run("base"), run)

columns    what is known of a case            flags      kinds of hallucination, each a rule
claims     what a reasoning says, judged      cases      one row
layouts    other people's folders             importing  evaluation or predictions -> run
packing    masks in Parquet                   store      the folder of runs
query      the query box                      summary    means, official table, counts
comparing  paired differences, reliability    verdicts   tags by raters, kappa
pictures   a case drawn                       figures, report   the page for a paper
rewarding  the four rewards of a case         groups     several answers, clusters, advantages
detail     one case for the page              correcting to a project and back
probes     changed questions                  server     the page and what it asks for
"""
