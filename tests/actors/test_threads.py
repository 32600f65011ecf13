import numpy as np
import torch
from threadpoolctl import threadpool_info

from genre_batch.actors.threads import limit_threads


def test_all_loaded_libraries_get_one_thread() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    np.linalg.norm(np.ones((4, 4)) @ np.ones((4, 4)))
    try:
        limit_threads()
        assert torch.get_num_threads() == 1
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    finally:
        torch.set_num_threads(before)
