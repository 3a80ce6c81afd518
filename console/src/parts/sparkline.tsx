import { visibleText } from "./visible_text.ts";

interface SparklinePoint {
  readonly calls: number;
  readonly failures: number;
}

const HEIGHT = 18;
const BAR = 3;
const GAP = 1;

/** Invocations over time as bars; the failed part of each bar is at its foot in the colour of errors. */
export function Sparkline(
  { points, label }: {
    readonly points: readonly SparklinePoint[];
    readonly label: string;
  },
) {
  const most = Math.max(1, ...points.map((point) => point.calls));
  const heightOf = (count: number) => count === 0 ? 0 : Math.max(1, (count / most) * HEIGHT);
  return (
    <svg
      className="sparkline"
      width={points.length * (BAR + GAP)}
      height={HEIGHT}
      role="img"
      aria-label={visibleText(label)}
    >
      {points.map((point, index) => {
        const x = index * (BAR + GAP);
        const calls = heightOf(point.calls);
        const failures = Math.min(calls, heightOf(point.failures));
        return (
          <g key={index}>
            <rect
              className="sparkline-none"
              x={x}
              y={HEIGHT - 1}
              width={BAR}
              height={1}
            />
            <rect
              className="sparkline-calls"
              x={x}
              y={HEIGHT - calls}
              width={BAR}
              height={calls}
            />
            <rect
              className="sparkline-failures"
              x={x}
              y={HEIGHT - failures}
              width={BAR}
              height={failures}
            />
          </g>
        );
      })}
    </svg>
  );
}
