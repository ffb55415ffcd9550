//! In which cells two CSV files differ.

use serde::Serialize;

/// A CSV file, cell by cell as it is written: quotes stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// The first line.
    head: Vec<String>,
    /// The lines below it.
    rows: Vec<Vec<String>>,
}

/// In what two tables differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TableDifference {
    /// The first cell that differs.
    pub first: RowDifference,
    /// Rows that differ, or that only one of the two has.
    pub n_rows: usize,
    /// Every column that differs; none if the columns are others.
    pub columns: Vec<ColumnDifference>,
}

/// A cell that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowDifference {
    /// Line of the file; the head is 1.
    pub line: usize,
    /// Name of the column; of a whole line `all`.
    pub column: String,
    /// What the run has; `nothing` beyond its end.
    pub began: String,
    /// What stands there now.
    pub here: String,
}

/// A column that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnDifference {
    /// Its name.
    pub column: String,
    /// How many of its cells differ.
    pub n_rows: usize,
    /// Largest difference of two numbers; missing where a cell holds no number.
    pub largest: Option<f64>,
}

impl Table {
    /// The cells of a file, without the columns called as in `left_out`.
    pub fn parse(text: &str, left_out: &[&str]) -> Self {
        let mut rows = cells(text);
        let head = if rows.is_empty() { Vec::new() } else { rows.remove(0) };
        let is_kept: Vec<bool> = head.iter().map(|it| !left_out.contains(&it.as_str())).collect();
        let keep = |row: Vec<String>| -> Vec<String> {
            let cells = row.into_iter().enumerate();
            // A row may be longer than the head if somebody changed it.
            cells.filter(|(at, _)| *is_kept.get(*at).unwrap_or(&true)).map(|it| it.1).collect()
        };
        Self { rows: rows.into_iter().map(&keep).collect(), head: keep(head) }
    }

    /// The file that holds these cells alone.
    pub fn to_text(&self) -> String {
        let lines = [&self.head].into_iter().chain(&self.rows);
        lines.map(|row| row.join(",") + "\n").collect()
    }

    /// In what `here` differs from this table; none if all cells are the same text.
    pub fn difference(&self, here: &Self) -> Option<TableDifference> {
        if self.head != here.head {
            let [began, here] = [self, here].map(|it| it.head.join(","));
            let first = RowDifference { line: 1, column: "all".to_owned(), began, here };
            return Some(TableDifference { first, n_rows: 1, columns: Vec::new() });
        }
        let n_rows = self.rows.len().max(here.rows.len());
        let differing: Vec<usize> =
            (0..n_rows).filter(|&row| self.rows.get(row) != here.rows.get(row)).collect();
        let first = self.row_difference(here, *differing.first()?);
        let columns = self.head.iter().enumerate().filter_map(|(column, name)| {
            let pairs: Vec<[&str; 2]> = differing
                .iter()
                .filter_map(|&row| Some([cell(self, row, column)?, cell(here, row, column)?]))
                .filter(|[began, here]| began != here)
                .collect();
            let largest = pairs.iter().map(|&[began, here]| number_difference(began, here));
            let n_rows = pairs.len();
            let largest = largest.collect::<Option<Vec<f64>>>().map(|all| {
                all.into_iter().fold(0.0, |most: f64, it| if it <= most { most } else { it })
            });
            (0 < n_rows).then(|| ColumnDifference { column: name.clone(), n_rows, largest })
        });
        Some(TableDifference { first, n_rows: differing.len(), columns: columns.collect() })
    }

    fn row_difference(&self, here: &Self, row: usize) -> RowDifference {
        let line = row + 2;
        if let (Some(began), Some(now)) = (self.rows.get(row), here.rows.get(row))
            && began.len() == now.len()
        {
            let at = (0..began.len()).find(|&at| began[at] != now[at]).unwrap_or(0);
            let column = self.head.get(at).cloned().unwrap_or_default();
            return RowDifference { line, column, began: began[at].clone(), here: now[at].clone() };
        }
        let shown = |of: &Self| of.rows.get(row).map_or("nothing".to_owned(), |it| it.join(","));
        RowDifference { line, column: "all".to_owned(), began: shown(self), here: shown(here) }
    }
}

fn cell(table: &Table, row: usize, column: usize) -> Option<&str> {
    table.rows.get(row)?.get(column).map(String::as_str)
}

/// Largest difference of the numbers in two cells, which may hold lists; none if they hold no
/// numbers or not equally many. A number and NaN differ by NaN.
fn number_difference(began: &str, here: &str) -> Option<f64> {
    let numbers = |cell: &str| -> Option<Vec<f64>> {
        cell.split_whitespace().map(|it| it.parse().ok()).collect()
    };
    let (began, here) = (numbers(began)?, numbers(here)?);
    if began.is_empty() || began.len() != here.len() {
        return None;
    }
    let differences = began.iter().zip(&here).map(|(a, b)| (a - b).abs());
    Some(differences.fold(0.0, |most: f64, it| if it <= most { most } else { it }))
}

/// Lines and cells of a CSV file (RFC 4180).
fn cells(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut is_quoted = false;
    for letter in text.chars() {
        match letter {
            ',' if !is_quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !is_quoted => {
                row.push(std::mem::take(&mut cell).trim_end_matches('\r').to_owned());
                rows.push(std::mem::take(&mut row));
            }
            letter => {
                is_quoted ^= letter == '"';
                cell.push(letter);
            }
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGAN: &str = "epoch,loss,seconds,px\n1,0.5,3,5 6\n2,0.25,9,5 6\n";

    #[track_caller]
    fn check(here: &str) -> Option<TableDifference> {
        let [began, here] = [BEGAN, here].map(|it| Table::parse(it, &["seconds"]));
        began.difference(&here)
    }

    #[test]
    fn times_do_not_count_and_line_ends_are_no_text() {
        assert_eq!(check(BEGAN), None);
        assert_eq!(check("epoch,loss,seconds,px\r\n1,0.5,4,5 6\r\n2,0.25,1,5 6\r\n"), None);
        let wanted = "epoch,loss,px\n1,0.5,5 6\n2,0.25,5 6\n";
        assert_eq!(Table::parse(BEGAN, &["seconds"]).to_text(), wanted);
    }

    #[test]
    fn the_first_cell_and_the_largest_difference_of_each_column_are_told() {
        let found = check("epoch,loss,seconds,px\n1,0.5,3,5 9\n2,NaN,9,4 6\n").unwrap();
        let RowDifference { line, column, began, here } = found.first;
        assert_eq!((line, &*column, &*began, &*here), (2, "px", "5 6", "5 9"));
        assert_eq!(found.n_rows, 2);
        let [loss, px] = found.columns.try_into().unwrap();
        assert!(loss.n_rows == 1 && loss.largest.unwrap().is_nan(), "{loss:?}");
        assert_eq!((px.n_rows, px.largest), (2, Some(3.0)));
    }

    #[test]
    fn rows_and_columns_that_are_missing_differ() {
        let found = check("epoch,loss,seconds,px\n1,0.5,3,5 6\n").unwrap();
        let RowDifference { line, began, here, .. } = found.first;
        assert_eq!((line, &*began, &*here), (3, "2,0.25,5 6", "nothing"));
        let found = check("epoch,seconds,px\n1,3,5 6\n2,9,5 6\n").unwrap();
        assert_eq!((found.first.line, found.columns.len()), (1, 0));
    }

    #[test]
    fn names_in_quotes_are_one_cell() {
        let text = "map \\ reference,\"a, b\",c\r\n\"a, b\",1,2\r\n";
        let table = Table::parse(text, &[]);
        assert_eq!(table.head, ["map \\ reference", "\"a, b\"", "c"]);
        assert_eq!(table.rows, [["\"a, b\"", "1", "2"]]);
    }
}
