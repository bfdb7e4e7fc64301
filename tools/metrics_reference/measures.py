"""The metrics of `t3video evaluate`, each written from its definition in double precision, as plainly as possible.

    measures.py FILM [REFERENCE]       folders of PNG frames; prints each value

A film is an array [frames, height, width, 3] of 8-bit R'G'B', as read_film() gives it. A value that cannot be told is
NaN. Not here: banding, grid_close and grid_remote, which agree.py checks by planted faults alone, and vmaf, which is
another program's.
"""
import subprocess
import sys

import cv2
import numpy as np
from scipy import signal
from scipy.ndimage import correlate1d, map_coordinates
from skimage.color import rgb2xyz, xyz2lab
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from films import luma, read_film

BLOCK, TILE_MOST, TILE_LEAST = 16, 256, 32


# Fidelity, against a reference

def psnr(film, reference):
    if np.array_equal(film, reference):
        return 100.0
    return min(100.0, peak_signal_noise_ratio(reference, film, data_range=255))


def ssim(film, reference):
    if min(film.shape[1:3]) < 11:
        return np.nan
    return np.mean([structural_similarity(a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
                                          data_range=255) for a, b in zip(luma(film), luma(reference))])


def similarity_terms(a, b):
    """Means over all places of the contrast-structure term and of its product with the luminance term."""
    x = np.arange(-5, 6)
    window = np.exp(-x**2 / (2 * 1.5**2))
    window /= window.sum()

    def average(image):
        both = correlate1d(correlate1d(image, window, axis=0), window, axis=1)
        return both[5:-5, 5:-5]  # where the window lies inside

    ma, mb = average(a), average(b)
    va, vb, cov = average(a * a) - ma**2, average(b * b) - mb**2, average(a * b) - ma * mb
    c1, c2 = (0.01 * 255)**2, (0.03 * 255)**2
    structure = (2 * cov + c2) / (va + vb + c2)
    brightness = (2 * ma * mb + c1) / (ma**2 + mb**2 + c1)
    return structure.mean(), (structure * brightness).mean()


def halve(image):
    """Means of 2x2 pixels; an odd last row or column is left out."""
    h, w = image.shape[0] // 2, image.shape[1] // 2
    return image[:2 * h, :2 * w].reshape(h, 2, w, 2).mean((1, 3))


def ms_ssim(film, reference):
    weights = [w for i, w in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)) if min(film.shape[1:3]) >> i >= 11]
    if not weights:
        return np.nan
    weights = np.array(weights) / sum(weights)
    values = []
    for a, b in zip(luma(film), luma(reference)):
        terms = []
        for scale in range(len(weights)):
            structure, both = similarity_terms(a, b)
            terms.append(max(0, both if scale == len(weights) - 1 else structure))
            a, b = halve(a), halve(b)
        values.append(np.prod(np.array(terms)**weights))
    return np.mean(values)


def of_ffmpeg(name, value, folder, reference):
    """The value that ffmpeg's filter `name` prints last of two folders of frames."""
    inputs = [w for path in (folder, reference) for w in ('-framerate', '8', '-i', f'{path}/%05d.png')]
    graph = f'[0]format=gbrp[a];[1]format=gbrp[b];[a][b]{name}'
    done = subprocess.run(['ffmpeg', '-nostdin', *inputs, '-lavfi', graph, '-f', 'null', '-'], capture_output=True,
                          text=True, check=True)
    line = next(text for text in done.stderr.splitlines() if f'Parsed_{name}' in text)
    return float(next(word for word in line.split() if word.startswith(f'{value}:')).partition(':')[2])


def psnr_of_ffmpeg(folder, reference):
    """The same definition: squared errors of all frames and of R', G' and B' together."""
    return min(100.0, of_ffmpeg('psnr', 'average', folder, reference))


def ssim_of_ffmpeg(folder, reference):
    """Another definition: flat windows of 8x8 pixels, mean over R', G' and B'. Ranks alone compare."""
    return of_ffmpeg('ssim', 'All', folder, reference)


# Stillness

def blocks(frames, side):
    """[n, h, w] as [n, rows, columns, side * side]: whole blocks from the upper left corner."""
    n, h, w = len(frames), frames.shape[1] // side, frames.shape[2] // side
    cut = frames[:, :h * side, :w * side].reshape(n, h, side, w, side)
    return cut.transpose(0, 1, 3, 2, 4).reshape(n, h, w, side * side)


def stillness(film):
    """flicker, static_share"""
    y = luma(film)
    if len(y) < 3 or min(y.shape[1:]) < BLOCK:
        return {'flicker': np.nan, 'static_share': np.nan}
    difference = y[2:] - y[:-2]
    cells = blocks(difference, 4).mean(-1)                    # of 4x4 pixels
    cells = blocks(cells, BLOCK // 4)                         # sixteen in each block
    wander = np.abs(cells - cells.mean(-1, keepdims=True)).mean(-1)
    still = wander < 2
    off = blocks(np.abs(y[1:-1] - (y[:-2] + y[2:]) / 2), BLOCK).mean(-1)
    return {'flicker': off[still].mean() if still.any() else np.nan, 'static_share': 100 * still.mean()}


def pairs(film):
    """frozen_share, duplicate_share, leap"""
    if len(film) < 2:
        return dict.fromkeys(('frozen_share', 'duplicate_share', 'leap'), np.nan)
    d = np.abs(np.diff(film.astype(np.float64), axis=0)).mean((1, 2, 3))
    duplicates, ratios = 0, []
    for i in range(len(d)):
        around = np.concatenate([d[max(0, i - 4):i], d[i + 1:i + 5]])
        if len(around) >= 2 and np.median(around) >= 0.255:
            ratios.append(d[i] / np.median(around))
            duplicates += ratios[-1] < 0.1
    return {'frozen_share': 100 * np.mean(d < 0.255), 'duplicate_share': 100 * duplicates / len(d),
            'leap': max(ratios, default=np.nan)}


# Colour

def colour(film):
    """colour_drift, colour_wander: scikit-image's sRGB curve, matrix and CIELAB (D65, 2 degrees)"""
    lab = np.stack([xyz2lab(rgb2xyz(frame).mean((0, 1))[None])[0] for frame in film])
    fifth = max(1, len(lab) // 5)
    return {'colour_drift': np.linalg.norm(lab[:fifth].mean(0) - lab[-fifth:].mean(0)),
            'colour_wander': np.linalg.norm(lab - lab.mean(0), axis=1).max()}


# Spectrum

def power(image, side):
    """Of all whole tiles from the middle: power at radii above a quarter cycle per pixel, and at all but 0."""
    f = np.fft.fftfreq(side)
    radius = np.hypot(f[:, None], f)
    hann = signal.get_window('hann', side)
    tiles = [n // side for n in image.shape]
    top, left = ((n - t * side) // 2 for n, t in zip(image.shape, tiles))
    fine = every = 0
    for i, j in np.ndindex(*tiles):
        tile = image[top + i * side:, left + j * side:][:side, :side]
        p = np.abs(np.fft.fft2((tile - tile.mean()) * hann[:, None] * hann))**2
        fine += p[radius > 0.25].sum()
        every += p[radius > 0].sum()
    # White noise of variance 1 has a power of 1 in each frequency, once divided by this.
    return fine, every, np.sum(hann**2)**2 * np.count_nonzero(radius > 0.25) * np.prod(tiles)


ROUNDING = 1 / 12  # variance of what rounding to whole levels adds; no detail


def spectrum(film):
    """fine_share, fine_detail"""
    side = min(TILE_MOST, 1 << (min(film.shape[1:3]).bit_length() - 1))
    if side < TILE_LEAST:
        return {'fine_share': np.nan, 'fine_detail': np.nan}
    fine = every = fine_of_half = scale = 0
    for frame in luma(film).astype(np.float32):
        h, w = frame.shape
        half = cv2.resize(frame, (w // 2, h // 2), interpolation=cv2.INTER_AREA)
        again = cv2.resize(half, (w, h), interpolation=cv2.INTER_CUBIC)
        above, all_of_it, more = power(frame.astype(np.float64), side)
        fine, every, scale = fine + above, every + all_of_it, scale + more
        fine_of_half += power(again.astype(float), side)[0]
    detail = 10 * np.log10((fine / scale + ROUNDING) / (fine_of_half / scale + ROUNDING))
    return {'fine_share': 100 * fine / every if every > 0 else np.nan, 'fine_detail': detail}


# Motion

def flow(film):
    """motion, warp_error"""
    if len(film) < 2:
        return {'motion': np.nan, 'warp_error': np.nan}
    y = luma(film).astype(np.float32)
    scale = min(1, 960 / max(y.shape[1:]))
    size = [round(n * scale) for n in y.shape[1:]]
    y = np.stack([cv2.resize(f, size[::-1], interpolation=cv2.INTER_AREA) for f in y])
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    whole = np.rint(y).astype(np.uint8)
    rows, columns = np.mgrid[:size[0], :size[1]].astype(np.float64)
    lengths, errors = [], []
    for t in range(len(y) - 1):
        forward = dis.calc(whole[t], whole[t + 1], None).astype(np.float64)
        backward = dis.calc(whole[t + 1], whole[t], None).astype(np.float64)
        place = np.stack([rows + forward[..., 1], columns + forward[..., 0]])
        inside = ((place >= 0) & (place <= np.array(size)[:, None, None] - 1)).all(0)

        def fetch(image):
            return map_coordinates(image, place, order=1, mode='nearest')

        back = np.stack([fetch(backward[..., 0]), fetch(backward[..., 1])], -1)
        squares = (forward**2).sum(-1) + (back**2).sum(-1)
        seen = inside & (((forward + back)**2).sum(-1) < 0.01 * squares + 0.5)
        lengths.append(np.hypot(forward[..., 0], forward[..., 1]).mean())
        if seen.any():
            errors.append(np.abs(y[t] - fetch(y[t + 1].astype(np.float64)))[seen].mean())
    return {'motion': 100 * np.mean(lengths) / size[0], 'warp_error': np.mean(errors) if errors else np.nan}


# Latents

def latents(values, reference):
    """latent_distance, latent_cosine: of two arrays"""
    a, b = values.astype(np.float64).ravel(), reference.astype(np.float64).ravel()
    return {'latent_distance': np.linalg.norm(a - b) / np.linalg.norm(b),
            'latent_cosine': a @ b / (np.linalg.norm(a) * np.linalg.norm(b))}


def measure(film, reference=None):
    """All values by the metrics' names; `reference` is of the same shape."""
    values = {**stillness(film), **pairs(film), **colour(film), **spectrum(film), **flow(film)}
    if reference is not None:
        values |= {'psnr': psnr(film, reference), 'ssim': ssim(film, reference), 'ms_ssim': ms_ssim(film, reference)}
    return {name: float(value) for name, value in values.items()}


def main():
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    for name, value in measure(*map(read_film, sys.argv[1:])).items():
        print(f'{name:16} {value:.6g}')


if __name__ == '__main__':
    main()
