//! Night by night: how many cases came, went and are open. For leaders: it names nobody.

use muster_core::report::Cell;
use rust_xlsxwriter::{Chart, ChartMarker, ChartMarkerType, ChartType, ColNum, Color, RowNum, Worksheet, XlsxError};

use super::look::{self, Look, put, put_text};
use crate::store::trend::TrendNight;

/// Writes the sheet and the line of open cases.
pub fn write(sheet: &mut Worksheet, trend: &[TrendNight], look: &Look) -> Result<(), XlsxError> {
    let lang = look.lang;
    let title = lang.pick("趋势", "Trend");
    sheet.set_name(title)?.set_tab_color(Color::RGB(0x1F_4E79));
    let heads =
        lang.pick(["对账日", "未结", "新增", "重现", "自动销号", "已有结论"], ["Night", "Open", "New", "Reopened", "Cured", "Decided"]);
    for (at, head) in heads.into_iter().enumerate() {
        sheet.set_column_width(at as ColNum, if at == 0 { 13.0 } else { 11.0 })?;
        put_text(sheet, 0, at as ColNum, head, &look.head)?;
    }
    for (at, it) in trend.iter().enumerate() {
        let row = at as RowNum + 1;
        put(sheet, row, 0, &Cell::Date(it.night), &look.date)?;
        for (col, number) in [it.open, it.opened, it.reopened, it.cured, it.decided].into_iter().enumerate() {
            put(sheet, row, col as ColNum + 1, &Cell::Number(number as i64), if col == 0 { &look.number } else { &look.quiet })?;
        }
    }
    let last = (trend.len() as RowNum).max(1);
    let mut chart = Chart::new(ChartType::Line);
    chart
        .add_series()
        .set_categories((title, 1, 0, last, 0))
        .set_values((title, 1, 1, last, 1))
        .set_name(lang.pick("未结案件", "Open cases"))
        .set_marker(ChartMarker::new().set_type(ChartMarkerType::Circle));
    chart.x_axis().set_num_format("yyyy-mm-dd").set_date_axis(true);
    chart.y_axis().set_min(0);
    chart.title().set_name(lang.pick("未结案件", "Open cases"));
    chart.legend().set_hidden();
    chart.set_width(720).set_height(320);
    sheet.insert_chart(1, 7, &chart)?;
    sheet.set_freeze_panes(1, 1)?;
    look::print_setup(sheet, look, title, Some((0, 0)))
}
