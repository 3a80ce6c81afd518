import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import type uPlot from "uplot";
import { fromServer } from "../browser/connection.ts";
import { isDark, onThemeChange } from "../theme/theme.ts";
import { formatExact } from "./format.ts";

/** Of a chart, in px. */
const HEIGHT = 160;

interface ChartSeries {
  readonly label: string;
  /** A custom property of the theme, such as `--accent`. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
  readonly format: (value: number) => string;
  readonly fill?: boolean;
}

interface TimeChartProps {
  readonly label: string;
  /** Seconds since 1970, ascending. */
  readonly times: readonly number[];
  readonly series: readonly ChartSeries[];
}

/** Lines over time. The same numbers are in a table for those who cannot see it. */
export function TimeChart(props: TimeChartProps) {
  const container = useRef<HTMLDivElement>(null);
  const [library, setLibrary] = useState<typeof uPlot>();
  const { times, series } = props;
  // A canvas does not follow the custom properties that coloured it.
  const isDrawnDark = useSyncExternalStore(onThemeChange, isDark);
  useEffect(() => {
    void fromServer(() => import("uplot")).then((module) => setLibrary(() => module.default));
  }, []);
  useEffect(() => {
    const element = container.current;
    if (element === null || library === undefined) return;
    const options = optionsOf(series, element);
    const chart = new library(options, [
      [...times],
      ...series.map(({ values }) => [...values]),
    ], element);
    const observer = new ResizeObserver(() =>
      chart.setSize({ width: element.clientWidth, height: HEIGHT })
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [library, times, series, isDrawnDark]);
  return (
    <figure className="chart">
      <div
        ref={container}
        className="chart-plot"
        style={{ minHeight: HEIGHT }}
        aria-hidden="true"
      />
      <figcaption className="visually-hidden">
        <table>
          <caption>{props.label}</caption>
          <thead>
            <tr>
              <th scope="col">Time</th>
              {series.map(({ label }) => <th key={label} scope="col">{label}</th>)}
            </tr>
          </thead>
          <tbody>
            {times.map((time, index) => (
              <tr key={time}>
                <th scope="row">{formatExact(new Date(time * 1_000))}</th>
                {series.map(({ label, values, format }) => (
                  <td key={label}>{textOf(values[index], format)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </figcaption>
    </figure>
  );
}

function textOf(
  value: number | null | undefined,
  format: (value: number) => string,
): string {
  return value === null || value === undefined ? "–" : format(value);
}

const DAY_SECONDS = 86_400;
/** Of the labels of the times, in px. */
const AXIS_HEIGHT = 28;
/** From one label of a time to the next, at least, in px. */
const LABEL_SPACE = 72;
const HOUR = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

/** Times of day; days if the chart is longer than two of them. */
function timeLabels(_: uPlot, times: number[]): string[] {
  const format = (times.at(-1) ?? 0) - (times[0] ?? 0) > 2 * DAY_SECONDS ? DAY : HOUR;
  return times.map((time) => format.format(new Date(time * 1_000)));
}

/** The points that no line shows, as both neighbours are missing. */
function lonePoints(chart: uPlot, series: number): number[] {
  const values = chart.data[series] ?? [];
  const isThere = (index: number) => (values[index] ?? null) !== null;
  return [...values.keys()].filter((index) =>
    isThere(index) && !isThere(index - 1) && !isThere(index + 1)
  );
}

function optionsOf(
  series: readonly ChartSeries[],
  element: HTMLElement,
): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim() || "currentColor";
  const axis = {
    stroke: style.color,
    font: `11px ${style.fontFamily}`,
    grid: { stroke: colour("--chart-line"), width: 1 },
    ticks: { show: false },
  };
  const first = series[0]?.format ?? String;
  return {
    width: element.clientWidth,
    height: HEIGHT,
    cursor: { points: { size: 6 }, drag: { x: false, y: false } },
    legend: { live: true },
    axes: [{ ...axis, size: AXIS_HEIGHT, space: LABEL_SPACE, values: timeLabels }, {
      ...axis,
      size: 56,
      values: (_, values) => values.map(first),
    }],
    series: [
      {
        value: (_, time) => time === null ? "–" : formatExact(new Date(time * 1_000)),
      },
      ...series.map((line) => ({
        label: line.label,
        stroke: colour(line.colour),
        width: 1.5,
        points: { show: true, size: 3, fill: colour(line.colour), filter: lonePoints },
        value: (_: uPlot, value: number | null) => textOf(value, line.format),
        ...(line.fill === true
          ? {
            fill: `color-mix(in srgb, ${colour(line.colour)} 12%, transparent)`,
          }
          : {}),
      })),
    ],
  };
}
