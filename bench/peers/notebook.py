"""A course's notebook as a program: python -m peers.notebook course_mlp|course_cnn FOLDER EPOCHS

Trains on CIFAR-10 with a Dataset, a DataLoader and the ordinary loop, then takes the accuracy on the test
images. FOLDER holds the published binary files.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn, optim
from torch.utils.data import DataLoader, Dataset

from .in_torch import course_cnn, course_mlp


class Cifar10(Dataset[tuple[Tensor, int]]):
    """One image at a time to a normalised tensor, as torchvision's does, but without its detour by PIL."""

    def __init__(self, files: list[Path], size: int) -> None:
        """size: so many pixels from the middle of each side."""
        records = np.concatenate([np.fromfile(file, np.uint8).reshape(-1, 3073) for file in files])
        self._labels = records[:, 0].tolist()
        self._images = records[:, 1:].reshape(-1, 3, 32, 32)
        self._middle = slice((32 - size) // 2, (32 + size) // 2)
        self._mean = self._std = torch.full((3, 1, 1), 0.5)

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = torch.from_numpy(self._images[index, :, self._middle, self._middle]).float().div(255)
        return image.sub_(self._mean).div_(self._std), self._labels[index]


def main(name: str, folder: Path, epochs: int) -> None:
    if name == "course_mlp":
        network, size, momentum = nn.Sequential(nn.Flatten(), course_mlp()), 32, 0.0
    else:
        network, size, momentum = course_cnn(), 28, 0.9
    train = Cifar10([folder / f"data_batch_{i}.bin" for i in range(1, 6)], size)
    test = Cifar10([folder / "test_batch.bin"], size)
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(network.parameters(), lr=0.001, momentum=momentum)
    loader = DataLoader(train, batch_size=16, shuffle=True)
    for epoch in range(1, epochs + 1):
        running_loss = 0.0
        for images, labels in loader:
            optimizer.zero_grad()
            loss = criterion(network(images), labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        print(f"epoch {epoch}: loss {running_loss / len(loader):.4f}", file=sys.stderr)
    right = 0
    with torch.no_grad():
        for images, labels in DataLoader(test, batch_size=16):
            right += int((network(images).argmax(1) == labels).sum())
    print(right / len(test))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
