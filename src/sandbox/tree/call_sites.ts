/**
 * Finds the calls of a script in the files of its packages. The bundler writes the name of each module before its code, in
 * a comment: what it writes is what decides. Source maps of packages name files that were never published, and name wrong
 * ones, because the bundler changes their text; but a position that is in a file of the function by the map is never one of
 * a package, whatever the text around it looks like, and without a map none is.
 */
import type { ScriptFrame, StackMap } from "../../shared/stack.ts";
import { type CallSite, MODULE_CODE } from "./reviewed.ts";

/** A call of a script. */
interface ScriptCall {
  /** Such as `main.ts:3`. */
  readonly position: string;
  /** The innermost frame; undefined for code that the script has evaluated. */
  readonly site: CallSite | undefined;
  /** The next one. */
  readonly caller: CallSite | undefined;
}

/** In each frame of the script, and of code that the script evaluates. */
const SCRIPT_MARK = "invoked:bundle.js";
/** The modules of the server in a script: whoever uses them calls. */
const SERVER_MODULE = /^@c1\//;
/** The comment before a module, without the attributes of its import. */
const MODULE_COMMENT = /^\/\/ (\S+)(?: with \{.*)?$/;
/** Of which the name may have a scope. */
const PACKAGE_FILE = /^npm:((?:@[^/@]+\/)?[^/@]+@[^/]+)\/(.+)$/;
/** Sources of packages that the builder does not name. */
const UNKNOWN_SOURCE = /^(?:\(|https?:)/;

/** What V8 adds to the name of a function: what it is, its receiver, and the property by which it was called. */
const PREFIXES = /^(?:(?:async|new|get|set) )+/;
const CALLED_AS = / \[as [^\]]*\]$/;
/** The bundler wraps a CommonJS module in a method whose name is the path of the file. */
const MODULE_WRAPPER = /\//;
/** A name as a source may have it, or such as V8 has for the initializers of a class. */
const NAME = /^(?:[\p{ID_Continue}$#]+|<\w+>)$/u;
/** V8's names of code that has none: of a function, and of what `eval` evaluates, as the runtime does with short scripts. */
const UNNAMED: ReadonlySet<string> = new Set(["<anonymous>", "eval"]);
const POSITION_MAX_UNITS = 1000;
/** Longest frame that is read: that takes time which grows with the square of its length. */
const FRAME_MAX_UNITS = 500;

/** The name of a function as its source has it. */
function plainName(functionName = ""): string {
  const name = functionName.replace(CALLED_AS, "").replace(PREFIXES, "");
  if (MODULE_WRAPPER.test(name)) return MODULE_CODE;
  const last = name.slice(name.lastIndexOf(".") + 1);
  return NAME.test(last) && !UNNAMED.has(last) ? last : "";
}

/** Finds calls of one script. */
export class CallSites {
  /** Lines of the comments, and the names of their modules, in order. */
  readonly #modules: readonly (readonly [line: number, name: string])[];

  /** @param script its text, or nothing if there is nothing to find */
  constructor(script: string, private readonly map: StackMap) {
    this.#modules = script.split("\n").flatMap((text, index) => {
      const name = text.startsWith("// ") ? MODULE_COMMENT.exec(text)?.[1] : undefined;
      return name === undefined ? [] : [[index + 1, name] as const];
    });
  }

  /** The call that a stack ends with. @param stack its frames, the innermost first */
  of(stack: string): ScriptCall {
    const lines = stack.split("\n").filter((line) => line.includes(SCRIPT_MARK));
    const frames = lines.map((line) =>
      line.length > FRAME_MAX_UNITS ? undefined : this.map.frame(line)
    );
    const at = frames.findIndex((frame) => !SERVER_MODULE.test(frame?.file ?? ""));
    if (at < 0) return { position: "the runtime", site: undefined, caller: undefined };
    const frame = frames[at];
    if (frame === undefined) {
      return { position: "evaluated code", site: undefined, caller: undefined };
    }
    const site = this.#siteOf(frame, at === frames.length - 1);
    const next = frames[at + 1];
    return {
      position: positionOf(site, frame).slice(0, POSITION_MAX_UNITS),
      site,
      caller: next && this.#siteOf(next, at + 1 === frames.length - 1),
    };
  }

  /** @param isOutermost whether no other frame of the script called it */
  #siteOf({ line, file, functionName }: ScriptFrame, isOutermost: boolean): CallSite {
    const plain = plainName(functionName);
    // The code of ECMAScript modules is that of the script's own function, which has no name.
    const name = plain === "" && isOutermost ? MODULE_CODE : plain;
    const module = PACKAGE_FILE.exec(this.#moduleAt(line) ?? "");
    const [, mapped] = PACKAGE_FILE.exec(file ?? "") ?? [];
    const isOwn = mapped === undefined && file !== undefined && !UNKNOWN_SOURCE.test(file);
    const isOther = mapped !== undefined && mapped !== module?.[1];
    if (module === null || isOwn || isOther || !this.map.isMapped) {
      return { package: undefined, file: file ?? "bundle.js", functionName: name };
    }
    const [, packageId = "", path = ""] = module;
    return { package: packageId, file: path, functionName: name };
  }

  #moduleAt(line: number): string | undefined {
    return this.#modules.findLast(([at]) => at < line)?.[1];
  }
}

/** A line of a map that names another file would be that of the other file. */
function positionOf(site: CallSite, { file, line, fileLine }: ScriptFrame): string {
  const name = site.package === undefined ? site.file : `npm:${site.package}/${site.file}`;
  if (file === undefined) return site.package === undefined ? `${name}:${line}` : name;
  return file === name ? `${name}:${fileLine}` : name;
}
