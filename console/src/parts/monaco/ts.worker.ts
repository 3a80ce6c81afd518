/** The language service of the editor, which also derives a JSON Schema from the type of a function's input. */
import {
  initialize,
  ts as services,
  TypeScriptWorker,
} from "monaco-editor/languages/features/typescript/ts.worker";
import type * as ts from "typescript";

/** A JSON Schema. */
type Schema = Readonly<Record<string, unknown>>;

/** Deeper parts take any value: a type may contain itself. */
const MAX_DEPTH = 6;

type Library = typeof ts;

/** The schema of the first parameter of the default export; undefined without one. */
function inputSchema(
  library: Library,
  checker: ts.TypeChecker,
  source: ts.SourceFile,
): Schema | undefined {
  const module = checker.getSymbolAtLocation(source);
  const exported = module && checker.getExportsOfModule(module)
    .find(({ escapedName }) => escapedName === "default");
  if (exported === undefined) return undefined;
  const isAlias = (exported.flags & library.SymbolFlags.Alias) !== 0;
  const symbol = isAlias ? checker.getAliasedSymbol(exported) : exported;
  const [signature] = checker.getTypeOfSymbolAtLocation(symbol, source).getCallSignatures();
  const parameter = signature?.getParameters()[0];
  if (parameter === undefined) return undefined;
  const type = checker.getTypeOfSymbolAtLocation(parameter, source);
  return new Schemas(library, checker, source).of(type, 0);
}

class Schemas {
  constructor(
    private readonly library: Library,
    private readonly checker: ts.TypeChecker,
    private readonly source: ts.SourceFile,
  ) {}

  of(type: ts.Type, depth: number): Schema {
    const { TypeFlags } = this.library;
    if (depth > MAX_DEPTH) return {};
    if (type.isStringLiteral() || type.isNumberLiteral()) return { const: type.value };
    if (type.flags & TypeFlags.BooleanLiteral) {
      return { const: this.checker.typeToString(type) === "true" };
    }
    if (type.flags & TypeFlags.StringLike) return { type: "string" };
    if (type.flags & TypeFlags.NumberLike) return { type: "number" };
    if (type.flags & TypeFlags.BooleanLike) return { type: "boolean" };
    if (type.flags & TypeFlags.Null) return { type: "null" };
    if (type.isUnion()) return this.#union(type, depth);
    if (type.flags & (TypeFlags.Object | TypeFlags.Intersection)) return this.#object(type, depth);
    return {};
  }

  #union(type: ts.UnionType, depth: number): Schema {
    const { TypeFlags } = this.library;
    const isBoolean = (member: ts.Type) => (member.flags & TypeFlags.BooleanLiteral) !== 0;
    const members = type.types.filter(({ flags }) => !(flags & TypeFlags.Undefined));
    const booleans = members.filter(isBoolean);
    const others = booleans.length < 2 ? members : members.filter((member) => !isBoolean(member));
    const schemas = [
      ...others.map((member) => this.of(member, depth + 1)),
      ...booleans.length < 2 ? [] : [{ type: "boolean" }],
    ];
    if (schemas.length > 1 && schemas.every((schema) => "const" in schema)) {
      return { enum: schemas.map((schema) => schema["const"]) };
    }
    return schemas.length === 1 ? schemas[0] ?? {} : { anyOf: schemas };
  }

  #object(type: ts.Type, depth: number): Schema {
    const { checker } = this;
    if (checker.isTupleType(type) || checker.isArrayType(type)) {
      const items = checker.getTypeArguments(type as ts.TypeReference);
      const [first] = items;
      return items.length === 1 && first !== undefined
        ? { type: "array", items: this.of(first, depth + 1) }
        : { type: "array" };
    }
    if (type.getCallSignatures().length > 0) return {};
    const properties = checker.getPropertiesOfType(type);
    const isOptional = ({ flags }: ts.Symbol) => (flags & this.library.SymbolFlags.Optional) !== 0;
    return {
      type: "object",
      properties: Object.fromEntries(
        properties.map((property) => [property.name, this.#property(property, depth)]),
      ),
      required: properties.filter((property) => !isOptional(property)).map(({ name }) => name),
    };
  }

  #property(property: ts.Symbol, depth: number): Schema {
    const type = this.checker.getTypeOfSymbolAtLocation(property, this.source);
    const text = this.library.displayPartsToString(property.getDocumentationComment(this.checker));
    return { ...this.of(type, depth + 1), ...(text === "" ? {} : { description: text }) };
  }
}

/** The worker of the library, as far as it is used here: the module has no types. */
const Base = TypeScriptWorker as unknown as new (context: unknown, data: unknown) => {
  getLanguageService(): ts.LanguageService;
};

const library = (services as unknown as { typescript: typeof ts }).typescript;

/** The language service of the editor, which knows the input of a function, too. */
class FunctionWorker extends Base {
  /** The JSON Schema of the first parameter of the default export; undefined without one. */
  // deno-lint-ignore require-await -- the other side awaits each method
  async inputSchema(fileName: string): Promise<unknown> {
    const program = this.getLanguageService().getProgram();
    const source = program?.getSourceFile(fileName);
    if (program === undefined || source === undefined) return undefined;
    return inputSchema(library, program.getTypeChecker(), source);
  }
}

self.onmessage = () => {
  initialize((context: unknown, data: unknown) => new FunctionWorker(context, data));
};
