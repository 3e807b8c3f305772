"""The reward for tracks (Ru) as a service: boxes on footage in, the IoU of their masks with the target out.

    veason reward-service --footage FOLDER          the segmenter behind HTTP, on this machine
    RewardClient(url).frame_iou(question)           asks it, again where it does not answer
    score_answer(text, case, footage, client)       all four rewards of `veason.rewards`, with the service for Ru

A trainer asks about many answers at once and has no GPU to spare in the process that scores them. So the segmenter
lives in a process of its own: questions about the same footage go to it together, and every box is tracked once.

    question   what is asked, as JSON           footage     videos by the digest of their content
    scorer     questions to IoUs, cached        batching    questions that arrive together are answered together
    door       the HTTP interface               server      processes that are started again where they end
    ray_app    the same behind Ray Serve        client      asks, with retries
    functions  rewards as verl and TRL call them
"""
