def excepted(role: str, action: str) -> bool:
    return False
