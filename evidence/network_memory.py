"""Peak memory of networks by the side of their images, each figure from a process of its own."""

from __future__ import annotations

import resource
import subprocess
import sys

NETWORKS = (
    ("timm:vit_small_patch16_224", 16),
    ("timm:swin_tiny_patch4_window7_224", 32),
    ("resnet50", 16),
)
SIDES = (224, 320, 384, 512)


def measure(name: str, stride: int, side: int, work: str) -> int:
    """MB above the model's, of the CAMs of one image or of a training step of four."""
    import torch

    from conta_core.networks.cam_net import CamNet

    torch.set_num_threads(2)
    model = CamNet(20, name, "none", stride).train()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if work == "cam":
        with torch.no_grad():
            model.eval().activation_maps(torch.randn(1, 3, side, side))
    else:
        model(torch.randn(4, 3, side, side)).sum().backward()
        torch.optim.SGD(model.parameters(), lr=0.1).step()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024


def main() -> None:
    """The rows of the table in docs/networks.md."""
    for side in SIDES:
        cells = []
        for name, stride in NETWORKS:
            for work in ("cam", "step"):
                words = [sys.executable, __file__, name, str(stride), str(side), work]
                done = subprocess.run(words, capture_output=True, text=True, check=True)
                cells.append(f"{done.stdout.strip()} MB")
        print(f"| {side} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
    else:
        main()
