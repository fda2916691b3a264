//! The plots about growth, as SVG.

use anyhow::Result;
use charts_rs::{LineChart, MultiChart};
use serde_json::{Value, json};
use xtask::growth::{Figures, MeasuredService};

use super::tables::{count, database_name};

/// A plot of the page.
pub(super) struct Plot {
    /// Its file's name, without the extension.
    pub(super) name: &'static str,
    pub(super) svg: String,
}

/// The size of a plot, in pixels: as wide as a page shows it.
const WIDTH: u32 = 820;
const HEIGHT: u32 = 260;

/// Fonts that browsers have.
const FONT: &str = "Roboto, Helvetica, Arial, sans-serif";

/// Colours that differ in lightness too, on white, which stays white on a dark page.
const COLOURS: [&str; 4] = ["#1b4f8a", "#d9822b", "#6bb39a", "#8d99ae"];

/// Keeps the entries of a legend apart in browsers whose letters are wider than those that the plot was made with.
const APART: &str = "\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}";

/// Intervals of an axis from 0.
const INTERVALS: u32 = 4;

/// What a bar shows of a service; `None` if it was not measured.
type Shown = fn(&MeasuredService) -> Option<f64>;

/// Returns all plots.
pub(super) fn all(figures: &Figures) -> Result<Vec<Plot>> {
    let speed: [(&str, Shown); 4] = [
        ("Requests accepted a second", |service| Some(service.requests.taken_a_second)),
        ("Requests carried out a second", |service| Some(service.requests.done_a_second)),
        ("Webhooks acknowledged a second", |service| Some(service.deliveries.taken_a_second)),
        ("Webhooks read a second", |service| Some(service.deliveries.done_a_second)),
    ];
    let cost: [(&str, Shown); 4] = [
        ("Round trips to PostgreSQL for each request", |service| Some(service.requests.server?.round_trips)),
        ("Rows and entries of indexes read for each request", |service| {
            Some(service.requests.server?.rows_read)
        }),
        ("Computing time of PostgreSQL for each request, in ms", |service| {
            Some(service.requests.server?.cpu_ms)
        }),
        ("Computing time of the service for each request, in ms", |service| {
            Some(service.requests.service_cpu_ms)
        }),
    ];
    let memory: [(&str, Shown); 2] = [
        ("Memory of a process at rest, in MiB", |service| Some(service.rest_mib)),
        ("Memory of a process at most, in MiB", |service| Some(service.peak_mib)),
    ];
    Ok(vec![
        Plot { name: "growth-speed", svg: bars(figures, &speed)? },
        Plot { name: "growth-cost", svg: bars(figures, &cost)? },
        Plot { name: "growth-memory", svg: bars(figures, &memory)? },
        Plot { name: "growth-claims", svg: claims(figures)? },
    ])
}

/// Returns charts with a bar for each service, one above the other.
fn bars(figures: &Figures, charts: &[(&str, Shown)]) -> Result<String> {
    let children: Vec<Value> = charts.iter().map(|(title, of)| bar_chart(figures, title, *of)).collect();
    let all = json!({ "child_charts": children, "gap": 14, "margin": 10, "background_color": "#ffffff" });
    Ok(MultiChart::from_json(&all.to_string())?.svg()?)
}

fn bar_chart(figures: &Figures, title: &str, of: Shown) -> Value {
    let measured: Vec<&MeasuredService> =
        figures.services.iter().filter(|service| of(service).is_some()).collect();
    let first = measured.first().map(|service| service.connections);
    let kinds: Vec<String> = measured
        .iter()
        .filter(|service| Some(service.connections) == first)
        .map(|service| kind(service))
        .collect();
    let mut connections: Vec<u32> = measured.iter().map(|service| service.connections).collect();
    connections.dedup();
    let series: Vec<Value> = connections
        .iter()
        .map(|connections| {
            let of_number = measured.iter().filter(|service| service.connections == *connections);
            let data: Vec<f64> = of_number.filter_map(|service| of(service)).map(rounded).collect();
            let name = format!("{} connections{APART}", count(f64::from(*connections)));
            json!({ "name": name, "data": data, "label_show": true })
        })
        .collect();
    let highest = measured.iter().filter_map(|service| of(service)).fold(0.0, f64::max);
    let own = [("type", json!("bar")), ("x_axis_data", json!(kinds)), ("series_list", json!(series))];
    chart(title, highest, own)
}

/// Returns the line for claims over time without and with a transaction that is held open.
fn claims(figures: &Figures) -> Result<String> {
    let series: Vec<Value> = figures
        .claims
        .iter()
        .map(|claims| {
            let name = if claims.held_open { "beside a transaction that is held open" } else { "alone" };
            let data: Vec<f64> =
                claims.over_time.iter().map(|interval| interval.claims_a_second.round()).collect();
            let at: Vec<f64> = claims.over_time.iter().map(|interval| interval.seconds.round()).collect();
            json!({ "name": format!("{name}{APART}"), "data": data, "x_values": at })
        })
        .collect();
    let intervals = figures.claims.iter().flat_map(|claims| &claims.over_time);
    let highest = intervals.map(|interval| interval.claims_a_second).fold(0.0, f64::max);
    let own = [
        ("series_list", json!(series)),
        ("x_axis_title", json!("seconds")),
        ("x_axis_type", json!("value")),
        ("x_axis_min", json!(0)),
        ("height", json!(HEIGHT + 60)),
        ("margin", json!(15)),
    ];
    let chart = chart("Requests claimed a second", highest, own);
    Ok(LineChart::from_json(&chart.to_string())?.svg()?)
}

/// Returns a chart for values up to `highest`: what all have in common, and then its `own`.
fn chart<const OWN: usize>(title: &str, highest: f64, own: [(&str, Value); OWN]) -> Value {
    let y_axis = json!({ "axis_font_size": 11, "axis_min": 0, "axis_max": axis_end(highest),
        "axis_split_number": INTERVALS, "axis_formatter": "{c}" });
    let common = [
        ("theme", json!("light")),
        ("width", json!(WIDTH)),
        ("height", json!(HEIGHT)),
        ("font_family", json!(FONT)),
        ("title_text", json!(title)),
        ("title_align", json!("left")),
        ("title_font_size", json!(14)),
        ("legend_position", json!("bottom")),
        ("legend_font_size", json!(12)),
        ("legend_category", json!("rect")),
        ("x_axis_font_size", json!(12)),
        ("series_label_font_size", json!(11)),
        ("series_label_formatter", json!("{c}")),
        ("series_colors", json!(COLOURS)),
        ("y_axis_configs", json!([y_axis])),
    ];
    common.into_iter().chain(own).map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Returns the end of an axis whose intervals are round and that leaves room for a label above `highest`.
fn axis_end(highest: f64) -> f64 {
    let interval = highest * 1.1 / f64::from(INTERVALS);
    let power = 10_f64.powf(interval.log10().floor());
    let round =
        [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0].iter().find(|round| *round * power >= interval);
    round.unwrap_or(&10.0) * power * f64::from(INTERVALS)
}

/// Returns what a service runs on.
fn kind(service: &MeasuredService) -> String {
    let processes = match service.processes {
        1 => "1 process".to_owned(),
        several => format!("{several} processes"),
    };
    format!("{}, {processes}", database_name(service.database))
}

/// Returns a number with the digits that can be compared.
fn rounded(number: f64) -> f64 {
    if number < 100.0 { (number * 10.0).round() / 10.0 } else { number.round() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_above_the_highest_value_at_a_round_number() {
        let cases =
            [(708.0, 800.0), (230.0, 320.0), (2_089.0, 2_400.0), (38.2, 60.0), (9.0, 10.0), (0.9, 1.0)];
        for (highest, end) in cases {
            assert!((axis_end(highest) - end).abs() < 1e-9, "{highest}: {}", axis_end(highest));
        }
    }
}
