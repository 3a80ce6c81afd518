/** A collector of OpenTelemetry on loopback that behaves as it is set. */
import assert from "node:assert/strict";
import { traceIdsOf } from "../../src/shared/trace_context.ts";
import { eventually } from "../support/eventually.ts";
import { HttpHost } from "../support/http_host.ts";
import { type Span, spansIn } from "./otlp.ts";

type Behavior = "takes" | "silent" | 400 | 503;

/** A span comes a second after its end. */
const PATIENCE_MS = 60_000;

export class TraceCollector extends HttpHost {
  behavior: Behavior = "takes";
  readonly spans: Span[] = [];
  /** Requests for spans, whether or not they were taken. */
  requests = 0;
  headers = new Headers();

  /** The trace that an invocation began, once its spans have the given number or more. */
  async traceOf(invocationId: string, spansMin: number): Promise<Trace> {
    return await this.trace(traceIdsOf(invocationId).traceId, spansMin);
  }

  /** A trace once its spans have the given number or more. */
  async trace(traceId: string, spansMin: number): Promise<Trace> {
    const spans = () => this.spans.filter((span) => span.traceId === traceId);
    try {
      return await eventually(
        () => spans().length >= spansMin ? new Trace(spans()) : undefined,
        `${spansMin} spans`,
        PATIENCE_MS,
      );
    } catch (error) {
      throw new Error(`only ${spans().map(({ name }) => name).join(", ")}`, { cause: error });
    }
  }

  /** Whether there is a span of this trace. */
  has(invocationId: string): boolean {
    const { traceId } = traceIdsOf(invocationId);
    return this.spans.some((span) => span.traceId === traceId);
  }

  protected override async answer(request: Request): Promise<Response> {
    const body = new Uint8Array(await request.arrayBuffer());
    const taken = new Response(null, { headers: { "content-type": "application/x-protobuf" } });
    if (new URL(request.url).pathname !== "/v1/traces") return taken;
    this.requests++;
    this.headers = request.headers;
    if (this.behavior === "silent") return await new Promise(() => {});
    if (this.behavior !== "takes") return new Response("no", { status: this.behavior });
    this.spans.push(...spansIn(body));
    return taken;
  }
}

/** The spans of a trace. */
export class Trace {
  constructor(readonly spans: readonly Span[]) {
    assert.equal(new Set(spans.map(({ spanId }) => spanId)).size, spans.length, "each span once");
  }

  /** The only span of this name below another one, or below all. */
  one(name: string, parent?: Span): Span {
    const found = this.spans.filter((span) =>
      span.name === name && (parent === undefined || span.parentId === parent.spanId)
    );
    assert.equal(found.length, 1, `${found.length} spans ${name} in ${this.text}`);
    return found[0] as Span;
  }

  children(parent: Span): Span[] {
    return this.spans.filter(({ parentId }) => parentId === parent.spanId)
      .sort((a, b) => a.start < b.start ? -1 : a.start > b.start ? 1 : 0);
  }

  /** The names on the way to the longest span without children: where the time went. */
  slowest(from: Span): string[] {
    const longest = this.children(from).sort((a, b) => lengthOf(b) > lengthOf(a) ? 1 : -1)[0];
    return longest === undefined ? [] : [longest.name, ...this.slowest(longest)];
  }

  /** Checks that every span lies within its parent. */
  assertNested(): void {
    for (const span of this.spans) {
      const parent = this.spans.find(({ spanId }) => spanId === span.parentId);
      if (parent === undefined) continue;
      assert.ok(span.start >= parent.start && span.end <= parent.end, `${span.name}: ${this.text}`);
    }
  }

  get text(): string {
    return this.spans.map(({ name, start, end }) => `${name} ${start} ${end}`).join("; ");
  }
}

/** Nanoseconds. */
export function lengthOf({ start, end }: Span): bigint {
  return end - start;
}
