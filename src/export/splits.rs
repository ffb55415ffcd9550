//! `splits.geojson`: which pixels were trained on, validated on and tested on.

use serde_json::{Value, json};

use crate::{
    chip::SceneSplit,
    raster::{Crs, Grid, Window},
    scene::Role,
    train::Dataset,
};

/// The blocks of every scene that have a role, as polygons, in the order of the scenes and roles.
///
/// Positions are map coordinates of the scene's coordinate reference system, which the member `crs`
/// names as GeoJSON had it in 2008 and GDAL and QGIS read it; RFC 7946 knows longitude and latitude of
/// WGS 84 alone (EPSG:4326, where there is no such member). `null` says that a scene has no system, or
/// one without an EPSG code. Where scenes have several systems, each feature names its own. The member
/// `coordinate_systems`, which readers of GeoJSON pass over, describes all of them; those without a code
/// by their GeoTIFF keys. Rings run counterclockwise.
pub fn splits_geojson(data: &Dataset) -> String {
    let systems: Vec<String> = data.scenes.iter().map(|it| it.grid().crs.name()).collect();
    let is_one = systems.iter().all(|it| *it == systems[0]);
    let mut features = Vec::new();
    for (scene, split) in data.scenes.iter().zip(&data.splits) {
        for role in Role::ALL {
            for block in split.blocks(role) {
                let mut feature = feature(scene.name(), scene.grid(), split, role, block);
                if let Some(system) = named(&scene.grid().crs).filter(|_| !is_one) {
                    feature["crs"] = system;
                }
                features.push(feature.to_string());
            }
        }
    }
    let system = data.scenes.iter().next().and_then(|it| named(&it.grid().crs));
    let system = system.filter(|_| is_one).map_or(String::new(), |it| format!("\"crs\": {it},\n"));
    let described = described(data.scenes.iter().map(|it| &it.grid().crs));
    format!(
        "{{\n\"type\": \"FeatureCollection\",\n{system}\"coordinate_systems\": {described},\n\"features\": [\n{}\n]\n}}\n",
        features.join(",\n")
    )
}

fn feature(scene: &str, grid: &Grid, split: &SceneSplit, role: Role, block: Window) -> Value {
    let index = split.grid().index_at(block.row, block.col);
    let n_labelled: u64 = split.counts(index).classes.iter().sum();
    json!({
        "type": "Feature",
        "properties": {
            "scene": scene,
            "role": role.name(),
            "row": block.row,
            "col": block.col,
            "rows": block.rows,
            "cols": block.cols,
            "labelled_px": n_labelled,
            "crs": grid.crs.name(),
        },
        "geometry": { "type": "Polygon", "coordinates": [ring(grid, block)] },
    })
}

/// The corners of a window, the first one again at the end.
fn ring(grid: &Grid, window: Window) -> Vec<[f64; 2]> {
    let corner = |row: u32, col: u32| grid.affine.map_position(f64::from(col), f64::from(row));
    let (top, left) = (window.row, window.col);
    let (bottom, right) = (window.row_end(), window.col_end());
    let mut ring = vec![
        corner(top, left),
        corner(bottom, left),
        corner(bottom, right),
        corner(top, right),
        corner(top, left),
    ];
    if signed_area(&ring) < 0.0 {
        ring.reverse(); // A raster whose rows run northwards.
    }
    ring
}

/// Area of a closed ring, in square map units; above 0 if it runs counterclockwise.
fn signed_area(ring: &[[f64; 2]]) -> f64 {
    let [x, y] = ring[0]; // Large coordinates would cancel.
    let twice = ring.windows(2).map(|it| {
        let [[ax, ay], [bx, by]] = [it[0], it[1]].map(|it| [it[0] - x, it[1] - y]);
        ax * by - bx * ay
    });
    twice.sum::<f64>() / 2.0
}

/// The member `crs`; none for longitude and latitude of WGS 84.
fn named(crs: &Crs) -> Option<Value> {
    let name = match crs.epsg() {
        Some(4326) => return None,
        Some(code) => format!("urn:ogc:def:crs:EPSG::{code}"),
        None => return Some(Value::Null),
    };
    Some(json!({ "type": "name", "properties": { "name": name } }))
}

/// Every system once.
fn described<'a>(systems: impl Iterator<Item = &'a Crs>) -> Value {
    let mut found: Vec<&Crs> = Vec::new();
    for crs in systems {
        if !found.contains(&crs) {
            found.push(crs);
        }
    }
    let one = |crs: &&Crs| {
        let mut system = json!({ "name": crs.name(), "unit": crs.unit_name() });
        if crs.epsg().is_none() && !crs.is_none() {
            let (directory, doubles, ascii) = crs.to_keys();
            system["geotiff_keys"] = json!({
                "GeoKeyDirectory": directory,
                "GeoDoubleParams": doubles,
                "GeoAsciiParams": ascii,
            });
        }
        system
    };
    found.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::Affine;

    #[track_caller]
    fn check(affine: Affine, wanted: [[f64; 2]; 5]) {
        let grid = Grid { rows: 20, cols: 30, affine, crs: Crs::from_epsg(32632) };
        let window = Window { row: 2, col: 4, rows: 3, cols: 5 };
        let ring = ring(&grid, window);
        assert_eq!(ring, wanted);
        let pixel_area = grid.pixel_area();
        assert!((signed_area(&ring) - 15.0 * pixel_area).abs() < 1e-6, "{ring:?}");
    }

    // Columns 4 to 9 of 10 m right of 500; rows 2 to 5 of 20 m below or above 9000.
    #[test]
    fn rings_run_counterclockwise_whichever_way_the_rows_run() {
        let [left, right] = [540.0, 590.0];
        let north = Affine::north_up([500.0, 9000.0], [10.0, 20.0]);
        let [top, bottom] = [8960.0, 8900.0];
        let corners = [[left, top], [left, bottom], [right, bottom], [right, top], [left, top]];
        check(north, corners);
        let south = Affine([500.0, 10.0, 0.0, 9000.0, 0.0, 20.0]);
        let [first, last] = [9040.0, 9100.0];
        check(south, [[left, first], [right, first], [right, last], [left, last], [left, first]]);
    }

    #[test]
    fn longitude_and_latitude_need_no_name() {
        assert_eq!(named(&Crs::from_epsg(4326)), None);
        assert_eq!(named(&Crs::default()), Some(Value::Null));
        let keys = vec![1, 1, 0, 3, 1024, 0, 1, 1, 3072, 0, 1, 32767, 3078, 34736, 1, 0];
        let own = Crs::from_keys(keys, vec![36.5], String::new());
        assert_eq!(named(&own), Some(Value::Null));
        let systems = [&own, &Crs::from_epsg(32632), &own];
        let described = described(systems.into_iter());
        assert_eq!(described.as_array().map(Vec::len), Some(2));
        assert_eq!(described[0]["name"], "user-defined");
        assert_eq!(described[0]["geotiff_keys"]["GeoDoubleParams"][0], 36.5);
        assert_eq!(described[1], json!({ "name": "EPSG:32632", "unit": "m" }));
        let name = named(&Crs::from_epsg(32632)).unwrap();
        assert_eq!(name["properties"]["name"], "urn:ogc:def:crs:EPSG::32632");
    }
}
