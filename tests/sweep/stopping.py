"""What is told how a sweep goes may stop it."""


def stop_after(images):
    """Stop a sweep when it has gone on beyond so many images."""

    def tell(done, total):
        if done > images:
            raise KeyboardInterrupt

    return tell
