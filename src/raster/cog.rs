//! Puts compressed tiles together to a cloud-optimised GeoTIFF.
//!
//! Order in the file: header, a note for GDAL that says so, the directories of the map and its
//! overviews from large to small, then the tiles from the smallest overview to the map. A reader
//! has everything but pixels after one request.
//!
//! Source: GDAL's COG driver, <https://gdal.org/en/stable/drivers/raster/cog.html>.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
};

use tiff_core::{ByteOrder, Tag, TagValue};
use tiff_writer::{ImageBuilder, encoder};

const ORDER: ByteOrder = ByteOrder::LittleEndian;
/// A tile comes between its size and a copy of its last bytes, 4 bytes each.
const FRAME_BYTES: u64 = 4;

/// A compressed tile in the scratch file.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoredTile {
    pub(super) offset: u64,
    pub(super) bytes: u32,
}

/// The map or an overview: how its directory is made, and its tiles row by row.
pub(super) struct Image {
    pub(super) builder: ImageBuilder,
    pub(super) tiles: Vec<StoredTile>,
}

/// Writes the file. `images` go from the map to the smallest overview.
pub(super) fn write(
    sink: &mut (impl Write + Seek),
    scratch: &mut File,
    images: &[Image],
) -> io::Result<()> {
    let plan = match Plan::new(images, false)? {
        Some(plan) => plan,
        None => Plan::new(images, true)?.expect("positions in BigTIFF have 64 bits"),
    };
    encoder::write_header(sink, ORDER, plan.is_big).map_err(io::Error::other)?;
    sink.write_all(note().as_bytes())?;
    let mut next_pointers = Vec::new();
    for (tags, &at) in plan.tags.iter().zip(&plan.directories) {
        pad_to(sink, at)?;
        let written = encoder::write_ifd(sink, ORDER, plan.is_big, tags, 324, 325, 0);
        next_pointers.push(written.map_err(io::Error::other)?.next_ifd_pointer_offset);
    }
    pad_to(sink, plan.tiles_start)?;
    for image in images.iter().rev() {
        copy_tiles(sink, scratch, &image.tiles)?;
    }
    encoder::patch_first_ifd(sink, 0, ORDER, plan.is_big, plan.directories[0])
        .map_err(io::Error::other)?;
    for (pointer, &next) in next_pointers.iter().zip(&plan.directories[1..]) {
        encoder::patch_next_ifd(sink, ORDER, plan.is_big, *pointer, next)
            .map_err(io::Error::other)?;
    }
    sink.flush()
}

/// Where everything goes, known before the first byte is written.
struct Plan {
    is_big: bool,
    tags: Vec<Vec<Tag>>,
    directories: Vec<u64>,
    tiles_start: u64,
}

impl Plan {
    /// `None` if the file is too large for 32-bit positions.
    fn new(images: &[Image], is_big: bool) -> io::Result<Option<Self>> {
        let mut at = encoder::header_len(is_big) + note().len() as u64;
        let (mut tags, mut directories) = (Vec::new(), Vec::new());
        for image in images {
            let directory = image.builder.checked_build_tags(is_big).map_err(io::Error::other)?;
            at = at.next_multiple_of(2); // TIFF: directories begin on a word.
            directories.push(at);
            at +=
                encoder::estimate_ifd_size(ORDER, is_big, &directory).map_err(io::Error::other)?;
            tags.push(directory);
        }
        let tiles_start = at.next_multiple_of(2);
        at = tiles_start;
        for (image, tags) in images.iter().zip(&mut tags).rev() {
            let (mut offsets, mut counts) = (Vec::new(), Vec::new());
            for tile in &image.tiles {
                offsets.push(at + FRAME_BYTES);
                counts.push(u64::from(tile.bytes));
                at += u64::from(tile.bytes) + 2 * FRAME_BYTES;
            }
            if !is_big && u64::from(u32::MAX) < at {
                return Ok(None);
            }
            set(tags, 324, offsets, is_big);
            set(tags, 325, counts, is_big);
        }
        Ok(Some(Self { is_big, tags, directories, tiles_start }))
    }
}

/// Size of the file's tiles, in bytes.
pub(super) fn tile_bytes(images: &[Image]) -> u64 {
    let tiles = images.iter().flat_map(|image| &image.tiles);
    tiles.map(|tile| u64::from(tile.bytes) + 2 * FRAME_BYTES).sum()
}

/// Replaces the value of a tag that is there.
fn set(tags: &mut [Tag], code: u16, values: Vec<u64>, is_big: bool) {
    let tag = tags.iter_mut().find(|tag| tag.code == code).expect("a tiled image has the tag");
    let value = if is_big {
        TagValue::Long8(values)
    } else {
        TagValue::Long(values.into_iter().map(|value| value as u32).collect())
    };
    *tag = Tag::new(code, value);
}

/// What GDAL writes after the header of its own files.
fn note() -> String {
    // The blank at the end keeps the note's length even and is part of it.
    let text = "LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n\
                BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n ";
    format!("GDAL_STRUCTURAL_METADATA_SIZE={:06} bytes\n{text}", text.len())
}

fn pad_to(sink: &mut (impl Write + Seek), position: u64) -> io::Result<()> {
    let here = sink.stream_position()?;
    assert!(here <= position && position - here < 2, "planned {position}, at {here}");
    sink.write_all(&[0; 1][..(position - here) as usize])
}

fn copy_tiles(sink: &mut impl Write, scratch: &mut File, tiles: &[StoredTile]) -> io::Result<()> {
    let mut bytes = Vec::new();
    for tile in tiles {
        bytes.resize(tile.bytes as usize, 0);
        scratch.seek(SeekFrom::Start(tile.offset))?;
        scratch.read_exact(&mut bytes)?;
        sink.write_all(&tile.bytes.to_le_bytes())?;
        sink.write_all(&bytes)?;
        sink.write_all(&bytes[bytes.len().saturating_sub(4)..])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_beyond_4_gib_gets_64_bit_positions() {
        let image = |bytes| Image {
            builder: ImageBuilder::new(512, 256).tiles(256, 256),
            tiles: [0, 1].map(|index| StoredTile { offset: index * 9, bytes }).to_vec(),
        };
        let small = [image(1000), image(10)];
        assert!(Plan::new(&small, false).unwrap().is_some());
        let large = [image(3 << 30), image(10)];
        assert!(Plan::new(&large, false).unwrap().is_none());
        let plan = Plan::new(&large, true).unwrap().unwrap();
        let offsets = |image: usize| {
            let tag = plan.tags[image].iter().find(|tag| tag.code == 324).unwrap();
            tag.value.as_u64_vec().unwrap()
        };
        // The overview comes first; each tile has a frame of 4 bytes on both sides.
        let start = plan.tiles_start;
        assert_eq!(offsets(1), [start + 4, start + 4 + 10 + 8]);
        assert_eq!(offsets(0), [start + 40, start + 40 + (3 << 30) + 8]);
        assert_eq!(tile_bytes(&large), 2 * ((3 << 30) + 8) + 2 * 18);
    }
}
