//! Parameters, names and shapes.

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use burn::tensor::Device;
    use serde::Deserialize;

    use super::super::case::{GOLDEN, named};
    use crate::{
        model::{Architecture, Attention, Encoder, ModelConfig, Network},
        weights::{Layout, layouts, n_parameters},
    };

    /// Names and shapes as the golden file writes them.
    fn listed(network: &Network) -> Vec<String> {
        let line = |Layout { name, shape, .. }: Layout| {
            let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
            [vec![name], sizes].concat().join(" ")
        };
        layouts(network).into_iter().map(line).collect()
    }

    #[test]
    fn parameters_are_counted_as_in_the_published_networks() {
        for (name, want) in &GOLDEN.models {
            let network = named(name).network();
            assert_eq!(n_parameters(&network), want.total, "{name}");
            let all = layouts(&network);
            let n_values = |part: &str| -> usize {
                let is_buffer =
                    |name: &str| name.contains(".running_") || name.ends_with("_tracked");
                let of_part =
                    all.iter().filter(|it| it.name.starts_with(part) && !is_buffer(&it.name));
                of_part.map(|it| it.shape.iter().product::<usize>()).sum()
            };
            for (part, want) in
                [("encoder.", want.encoder), ("decoder.", want.decoder), ("segm", want.head)]
            {
                assert_eq!(n_values(part), want.unwrap_or(n_values(part)), "{name}: {part}");
            }
            let Some(n_entries) = want.n_state_dict else { continue };
            assert_eq!(all.len(), n_entries, "{name}");
            let n_all: usize = all.iter().map(|it| it.shape.iter().product::<usize>()).sum();
            assert_eq!(Some(n_all - want.total), want.buffer_elems, "{name}");
        }
    }

    #[test]
    fn names_and_shapes_stand_in_the_published_order() {
        let cases = GOLDEN.cases.iter().map(|(name, case)| (name, &case.keys));
        for (name, keys) in GOLDEN.keys.iter().chain(cases) {
            if !name.starts_with("torchvision-") {
                assert_eq!(listed(&named(name).network()), GOLDEN.listed(keys), "{name}");
            }
        }
    }

    #[test]
    fn cases_have_the_parameters_that_they_say() {
        for (name, case) in
            GOLDEN.cases.iter().filter(|(name, _)| !name.starts_with("torchvision-"))
        {
            assert_eq!(n_parameters(&named(name).network()), case.params, "{name}");
        }
    }

    #[derive(Deserialize)]
    struct Geodl {
        params: BTreeMap<String, usize>,
        default_per_block: BTreeMap<String, usize>,
        keys: Vec<String>,
    }

    fn geodl() -> Geodl {
        serde_json::from_str(include_str!("../../../tests/golden/geodl_unet.json")).unwrap()
    }

    fn geodl_config() -> ModelConfig {
        let (architecture, encoder) = (Architecture::GeodlUnet, Encoder::Own);
        ModelConfig { architecture, encoder, ..Default::default() }
    }

    #[track_caller]
    fn check_geodl(config: &ModelConfig, n_bands: usize, n_classes: usize, want: usize) {
        config.check().unwrap();
        let network = config.blank(n_bands, n_classes, &Device::flex());
        assert_eq!(n_parameters(&network), want, "{config:?}");
    }

    #[test]
    fn geodl_has_the_parameters_of_all_its_options() {
        let golden = geodl();
        let mut n_options = 0;
        for (options, &want) in &golden.params {
            let Ok(options) = serde_json::from_str::<BTreeMap<String, bool>>(options) else {
                continue;
            };
            n_options += 1;
            let config = ModelConfig {
                attention: options["useAttn"].then_some(Attention::Gate),
                squeeze_excite: options["useSE"],
                residual: options["useRes"],
                aspp: options["useASPP"],
                auxiliary: if options["useDS"] { vec![0.5; 3] } else { Vec::new() },
                ..geodl_config()
            };
            check_geodl(&config, 3, 3, want);
        }
        assert_eq!(n_options, 32);
        let all = ModelConfig {
            attention: Some(Attention::Gate),
            squeeze_excite: true,
            residual: true,
            aspp: true,
            ..geodl_config()
        };
        check_geodl(&all, 4, 3, golden.params["README/countParams example (in4,cls3,all but DS)"]);
        check_geodl(&geodl_config(), 3, 2, golden.params["default in3 cls2"]);
        let wide = ModelConfig { width: 128, ..geodl_config() };
        check_geodl(&wide, 4, 2, golden.params["in4 cls2 enChn 32..256 btn512 dc 256..32"]);
    }

    #[test]
    fn geodl_has_the_names_and_blocks_of_the_original() {
        let golden = geodl();
        let network = geodl_config().blank(3, 3, &Device::flex());
        // The golden list is of parameters alone, in the order in which the original makes its blocks.
        let is_buffer = |line: &str| line.contains(".running_") || line.contains("_tracked");
        let lines: Vec<String> = listed(&network).into_iter().filter(|it| !is_buffer(it)).collect();
        assert_eq!(lines, golden.keys);
        for (block, &want) in &golden.default_per_block {
            let of_block = lines.iter().filter(|line| line.split('.').next() == Some(block));
            let values = of_block.map(|line| {
                line.split(' ').skip(1).map(|it| it.parse::<usize>().unwrap()).product::<usize>()
            });
            assert_eq!(values.sum::<usize>(), want, "{block}");
        }
    }
}
