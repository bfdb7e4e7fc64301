#!/bin/sh
# Makes the files of this folder, by the program ffmpeg (5.1) and, for photo.heic, Debian's libheif-examples. Pictures of four
# areas: red, green, blue and grey, or transparent ones where a file's name says so.
set -eu
cd "$(dirname "$0")"
make() { ffmpeg -v error -y "$@"; }

# areas SIZE OF AN AREA, RATE, SECONDS, FORMAT
areas() {
    for colour in 0xDC1E1E 0x28DC28 0x1E1EDC 0xB4B4B4; do printf 'color=%s:s=%s:r=%s:d=%s,format=%s\n' $colour "$@"; done
}
inputs() { areas "$@" | while read -r line; do printf -- '-f lavfi -i %s ' "$line"; done; }
grid='xstack=inputs=4:layout=0_0|w0_0|0_h0|w0_h0'

h264='-c:v libx264 -preset veryslow -bf 2'
# shellcheck disable=SC2046,SC2086
{
make $(inputs 640x32 25 0.08 yuv444p) -filter_complex "$grid,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p" \
    $h264 -qp 10 -fflags +bitexact untagged-hd.mp4
make $(inputs 32x24 25 0.08 yuv444p) -filter_complex "$grid,scale=out_color_matrix=bt601:out_range=tv,format=yuv420p" \
    -c:v mpeg4 -q:v 2 -fflags +bitexact untagged.avi
for curve in smpte2084 arib-std-b67; do
    make $(inputs 32x24 25 0.08 gbrp) -filter_complex "$grid,setparams=color_primaries=bt709:color_trc=bt709,\
zscale=pin=bt709:tin=bt709:min=gbr:rin=full:t=linear:npl=203,format=gbrpf32le,zscale=p=bt2020,\
zscale=t=$curve:npl=203:m=bt2020nc:r=limited,format=yuv420p10le" -c:v libx265 -x265-params log-level=none:qp=8 \
        -color_primaries bt2020 -color_trc $curve -colorspace bt2020nc -tag:v hvc1 -fflags +bitexact $curve.mp4
done
make -f lavfi -i "color=0xDC1E1E@0.0:s=16x32:r=25:d=0.08,format=yuva420p" -f lavfi \
    -i "color=0x1E1EDC:s=16x32:r=25:d=0.08,format=yuva420p" -filter_complex hstack -c:v libvpx-vp9 -b:v 200k -pix_fmt yuva420p \
    -fflags +bitexact transparent.webm
for file in transparent.gif transparent.webp transparent.tiff; do
    make -f lavfi -i "color=0xDC1E1E@0.0:s=16x32:r=1:d=1,format=rgba" -f lavfi -i "color=0x1E1EDC:s=16x32:r=1:d=1,format=rgba" \
        -filter_complex "hstack$([ $file = transparent.gif ] && echo ',split[a][b];[a]palettegen[p];[b][p]paletteuse')" \
        $(case $file in *.webp) echo '-lossless 1' ;; *.tiff) echo '-compression_algo raw' ;; esac) -frames:v 1 -fflags +bitexact $file
done
make -f lavfi -i "color=0xC86432:s=32x32:r=1:d=1,format=rgb24" -frames:v 1 -lossless 1 -fflags +bitexact flat.webp
# A picture's brightness is its number times 8; shown at 0, 1, 2, 3, 10, 11, 12 tenths of a second.
make -f lavfi -i "nullsrc=s=32x32:r=10:d=1.3,geq=lum='N*8+16':cb=128:cr=128,format=yuv420p" -vf "select='not(between(n,4,9))'" \
    -vsync vfr $h264 -qp 4 -colorspace bt709 -fflags +bitexact gap.mp4
make -i gap.mp4 -c copy -movflags +faststart -fflags +bitexact gap-fast.mp4
# The same with a tone that rises; the sound begins 0.2 seconds before the pictures.
make -itsoffset 0.2 -i gap.mp4 -f lavfi -i "aevalsrc='sin(2*PI*(200*t+400*t*t))':s=8000:d=2" -map 0:v -map 1:a -c:v copy \
    -c:a pcm_u8 -fflags +bitexact sound.mkv
make -f lavfi -i "aevalsrc='sin(2*PI*(200*t+400*t*t))':s=16000:d=1.3" -i gap.mp4 -map 1:v -map 0:a -c:v copy -c:a aac -b:a 16k \
    -fflags +bitexact sound.mp4
# The same whose first packet is of 20 ms, of which 6.5 are not heard; and with pictures from 0.2 seconds on.
for begin in 0 0.2; do
    make -itsoffset $begin -i gap.mp4 -f lavfi -i "aevalsrc='sin(2*PI*(200*t+400*t*t))':s=48000:d=1" -map 0:v -map 1:a -c:v copy \
        -c:a libopus -b:a 8k -avoid_negative_ts disabled -fflags +bitexact $([ $begin = 0 ] && echo opus || echo opus-early).mkv
done
# Light without a curve, or with a logarithm for one.
for curve in linear log100 log316; do
    make $(inputs 32x24 25 0.08 gbrp) -filter_complex "$grid,setparams=color_primaries=bt709:color_trc=bt709,\
zscale=pin=bt709:tin=bt709:min=gbr:rin=full:t=linear,format=gbrpf32le,zscale=t=$curve:m=bt709:r=limited,format=yuv444p10le" \
        -c:v ffv1 -color_primaries bt709 -color_trc $curve -colorspace bt709 -fflags +bitexact $curve.mkv
done
# Covers: of a song, and of the numbered pictures.
make -f lavfi -i "color=0xDC1E1E:s=32x32:r=1:d=1" -frames:v 1 cover.png
make -f lavfi -i "sine=f=440:r=8000:d=0.5" -i cover.png -map 0 -map 1 -c:a libmp3lame -b:a 8k -c:v copy \
    -disposition:v attached_pic -fflags +bitexact cover.mp3
make -i cover.png -i gap.mp4 -map 0 -map 1 -c copy -disposition:v:0 attached_pic -disposition:v:1 0 -fflags +bitexact cover.mp4
make $(inputs 32x24 1 1 rgb24) -filter_complex "$grid" -frames:v 1 areas.png
}
heif-enc -q 40 -o photo.heic areas.png >/dev/null
rm areas.png cover.png
