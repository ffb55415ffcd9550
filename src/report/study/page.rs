//! The page `study.html`.

use super::{Forest, StudyRow, StudyTable, StudyView, forest::forests};
use crate::report::{
    figures::Figure,
    page::{document, drawn, notes},
    tables::{Column, fact_list, number, table, words},
    text::escape,
};

/// The whole page: valid HTML that needs no other file, no network and no script.
pub(super) fn page(view: &StudyView) -> String {
    let sections = [
        ("figures", "Figures", figures(view)),
        ("costs", "Time and memory", shown(&view.costs)),
        ("changes", "What is compared", changes(view)),
        ("runs", "Runs", shown(&view.runs)),
        ("reading", "How to read the figures", glossary(view)),
    ];
    document(&view.title, "study", &fact_list(&view.summary), &notes(&view.notes), &sections)
}

fn figures(view: &StudyView) -> String {
    let mut html = view.every_figure.as_ref().map_or(String::new(), shown);
    for (forest, table) in &view.figures {
        let untitled = Forest { title: String::new(), ..forest.clone() };
        let caption = "Blue: mean and interval; an arrow says that the interval goes on. Orange: \
                       the seeds.";
        let figure = Figure {
            stem: String::new(),
            title: format!("{}: {}", forest.title, forest.axis_label),
            drawing: forests(&[&untitled]),
        };
        html += &format!("<h3>{}</h3>\n", escape(&forest.title));
        html += &drawn(&figure, caption);
        html += &shown(table);
    }
    html
}

fn changes(view: &StudyView) -> String {
    let mut html = shown(&view.changes);
    html += "<details><summary>Run file of the base, with every default</summary>\n";
    html += &format!("<pre tabindex=\"0\">{}</pre></details>\n", escape(&view.settings));
    html
}

fn shown(it: &StudyTable) -> String {
    let heads: Vec<(String, bool)> =
        it.columns.iter().map(|(head, is_number)| (escape(head), *is_number)).collect();
    let columns: Vec<Column<'_>> = heads.iter().map(column).collect();
    let row = |row: &StudyRow| {
        let mut cells: Vec<String> = row.cells.iter().map(|cell| escape(cell)).collect();
        if let (Some(link), Some(first)) = (&row.link, cells.first_mut()) {
            *first = format!("<a href=\"{}\">{first}</a>", escape(link));
        }
        cells
    };
    table(&escape(&it.caption), &columns, it.rows.iter().map(row))
}

fn column((head, is_number): &(String, bool)) -> Column<'_> {
    if *is_number { number(head) } else { words(head) }
}

fn glossary(view: &StudyView) -> String {
    let terms = if view.every_figure.is_some() { MEANS } else { DIFFERENCES };
    format!(
        "<dl class=\"glossary\">\n{terms}<dt>–, -</dt><dd>Nothing to count, or too few runs.</dd>\n</dl>\n"
    )
}

const MEANS: &str = "\
<dt>interval</dt><dd>Where the mean over all seeds lies, made from these seeds alone: it says \
nothing of other scenes, and a single run scatters more, by the standard deviation sd.</dd>
";

const DIFFERENCES: &str = "\
<dt>difference</dt><dd>Mean over the seeds of the figure of the variant minus that of the base with \
the same seed. Both have the same split, the same order of samples and, where their tensors agree, \
the same initial weights, so what is common to both cancels out.</dd>
<dt>interval</dt><dd>Made from seeds alone: it says how the difference would scatter over other seeds \
on this data and this split, not over other scenes.</dd>
<dt>d</dt><dd>Mean of the differences divided by their standard deviation (Cohen's d of pairs). It \
has no unit.</dd>
<dt>p</dt><dd>Probability of a mean difference this far from 0, or further, if the change did \
nothing. Holm's correction makes it hold for all variants of a figure together.</dd>
";
