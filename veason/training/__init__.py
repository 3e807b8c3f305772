"""Training on the engines that exist: files for them, runs of them, and the policy folder that comes out.

    sft    LLaMA-Factory: settings, refusals, files, in_engine
    grpo   TRL and verl: grpo_settings, grpo_rows (refusals), trl_files, in_trl, verl_files, verl_run, in_verl

Both begin with a `base`, run an `engine` in an environment of its own, and end in `policy_folder`. `dataset_rows` makes
rows of a benchmark. The modules called in_... are run by an engine's Python, never imported here.
"""
