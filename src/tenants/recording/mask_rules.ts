/** Which texts and numbers of a tenant's answers a recording masks. */
import { Buffer } from "node:buffer";
import { z } from "zod";
import { countOf, exceeds, formatBytes, VIOLATION_OPTIONS, violationOf } from "../../config/mod.ts";
import { FieldTree, PATTERN_NAMES_MAX } from "./field_tree.ts";
import { RecordingError } from "./recording_error.ts";

/** What a masked text is, which decides what the mask looks like. */
const MASK_KINDS = ["secret", "url", "mail", "name", "text", "page"] as const;
export type MaskKind = typeof MASK_KINDS[number];

/** The file of a recording with rules of its own. */
export const MASKING_FILE = "masking.json";

/** A rule for a value by its field; the first rule that matches applies. Items of a list have the field of their list. */
interface FieldRule {
  /** Matches the name of the field. */
  readonly name: RegExp;
  /** Whether the rule holds only in an object that also has a mail address or user name: in people and accounts. */
  readonly ofPerson: boolean;
  /** Whether the rule holds only for texts and numbers, and not for all that an object of this name has. */
  readonly ofTexts: boolean;
  readonly kind: MaskKind | "keep";
}

const anywhere = (names: string, kind: FieldRule["kind"]): FieldRule => ({
  name: new RegExp(`(?:^|\\.)(?:${names})$`, "i"),
  ofPerson: false,
  ofTexts: false,
  kind,
});
const ofPerson = (names: string, kind: FieldRule["kind"]): FieldRule => ({
  ...anywhere(names, kind),
  ofPerson: true,
});
const ofTexts = (names: string, kind: FieldRule["kind"]): FieldRule => ({
  ...anywhere(names, kind),
  ofTexts: true,
});

const SECRET = String
  .raw`secret|password|passphrase|passcode|token|(?:api|private|access)[_-]?key|credential|assertion|cookie|authorization`;
/** Ends of names that say something about a secret, such as `passwordPolicyId` and `tokenUrl`. */
const ABOUT_SECRET = [
  "ids?|types?|display_?name|method|action|sharing|alg(?:orithm)?|token_?ur[il]|endpoint",
  "lifetime|duration|seconds|(?:created|updated|used|expires)_?at|length|count",
].join("|");
/** URLs that let somebody in who knows them, or that lead to a secret. */
const OPEN_URLS = String
  .raw`url|destination|\w*(?:hook|capability|share|upload|download|artifact|source|redirect|endpoint|credential\w*|password\w*)_?url`;

/** Rules for every recording. `tests/tenants/mask_rules_test.ts` lists what they leave of C1's fields, and why. */
const FIELD_RULES: readonly FieldRule[] = [
  // Without it, no SDK knows the message.
  { ...anywhere("@type", "keep"), name: /(?:^|\.)@type$/ },
  // A connector may have its secrets anywhere in its settings.
  anywhere("config(?:fields|fieldvalues)?", "secret"),
  anywhere("(?:next_?)?page_?token", "page"),
  anywhere(String.raw`[\w-]*(?:${SECRET})s?`, "secret"),
  anywhere(OPEN_URLS, "url"),
  ofTexts(String.raw`(?![\w-]*(?:${ABOUT_SECRET})$)[\w-]*(?:${SECRET})[\w-]*`, "secret"),
  ofTexts(String.raw`\w*(?:plaintext|encrypted)\w*|\w*header_?values?|share_?code`, "secret"),
  anywhere(String.raw`\w*extra_?\w*params`, "secret"),
  anywhere(String.raw`(?:given|family|first|middle|last|full|nick)_?name`, "name"),
  anywhere(String.raw`\w*user_?names?|login|\w*authorized_?(?:as|by)(?:_?name)?`, "name"),
  anywhere(
    String.raw`employee_?(?:id|number|no)s?|phone\w*|mobile\w*|(?:street_?)?address\w*|birth\w*`,
    "text",
  ),
  ofPerson("display_?name|name", "name"),
  // A directory may put anything there.
  ofPerson("profile", "text"),
];

/** Fields by which an object is a person or an account. */
const PERSON_FIELDS = ["email", "emails", "username", "usernames"];

/** Texts that are secret wherever they are. */
const SECRET_TEXTS = [
  // User and password of a URL.
  String.raw`(?<=:\/\/)[^\s/?#]+(?=@)`,
  // Parameters of a URL that sign it, or that log somebody in.
  String
    .raw`(?<=[?&#;](?i:[\w.-]{0,40}(?:signature|credential|token|secret|password|api_?key|access_?key)|sig|key|code|jwt)=)[^\s&#;"'<>]+`,
  // A path that is all that somebody needs to send a message.
  String
    .raw`(?<=\bhooks\.slack\.com\/|\bdiscord(?:app)?\.com\/api\/webhooks\/|\bwebhook\.office\.com\/|\bhooks\.zapier\.com\/)[\w/@.-]+`,
  String.raw`secret-token:[\w.~%:+/=-]{16,}`,
  String.raw`(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*`,
  String.raw`-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`,
  String.raw`\bBearer [\w.~+/=-]{8,}`,
  String.raw`\binvoked_[0-9A-Za-z]{49}\b`,
  String.raw`\b(?:ghp|gho|ghs|github_pat|glpat|xox[abpr]|sk_live|AKIA)[_-]?[\w-]{12,}`,
].join("|");

/** Mail addresses wherever they are. */
const MAIL_TEXTS = String
  .raw`(?!\/)[\w.!#$%&'*+/=?^\x60{|}~-]{1,64}@(?:[a-zA-Z0-9-]{1,63}\.){1,8}[a-zA-Z]{2,24}`;

/**
 * What is masked wherever it is: a secret, or else a mail address in the group `mail`. It reads no character of a hostile
 * text more than 64 times.
 */
export const ANYWHERE = new RegExp(`${SECRET_TEXTS}|(?<mail>${MAIL_TEXTS})`, "g");
/** A mail address whose host is reserved by RFC 2606 or 6761: nobody receives its mail, so it names nobody. */
const RESERVED_HOST =
  /^[^@\s]+@(?:[a-z0-9-]+\.)*(?:example(?:\.(?:com|net|org))?|test|invalid|localhost)$/i;

/** What a request of a recording has in place of a value that does not count. */
export const ANY = "*";

const FIELD_PATTERN = /^(?:[\w-]+|\*)(?:\.(?:[\w-]+|\*))*$/;
/** Most fields of the file, and most texts. */
const FIELDS_MAX = 1000;
/** Most bytes of the file. */
const MASKING_MAX_BYTES = 256 * 1024;

const maskingFile = z.strictObject({
  /**
   * Kinds by field, such as `profile.costCenter`; `*` is any one name. They win over the rules above, but only `keep` shows
   * a text that those mask. `any` is for requests alone: a replay ignores the field.
   */
  fields: z.record(
    z.string().regex(FIELD_PATTERN, { error: "is no field such as profile.costCenter" }),
    z.enum([...MASK_KINDS, "keep", "any"]),
  ).superRefine((fields, context) => {
    const count = Object.keys(fields).length;
    const long = Object.keys(fields).find((field) => field.split(".").length > PATTERN_NAMES_MAX);
    const message = count > FIELDS_MAX
      ? exceeds(count, FIELDS_MAX, (fields) => countOf(fields, "field"))
      : long === undefined
      ? undefined
      : `${long} has more than ${PATTERN_NAMES_MAX} names`;
    if (message !== undefined) context.addIssue({ code: "custom", message });
  }).optional(),
  /** Texts that stay as they are. */
  keep: z.array(z.string().min(1)).max(FIELDS_MAX).optional(),
});

/** A rule of a recording itself. */
interface OwnRule {
  readonly kind: MaskKind | "keep";
  /** Whether it has a `*`. */
  readonly isPattern: boolean;
}

/** Kinds of own rules for all that an object has. An object is no mail address: its fields are of their own kinds. */
const OF_OBJECTS: readonly OwnRule["kind"][] = ["keep", "secret", "text"];

/** Kinds that show a part of some texts: hosts of URLs, and reserved mail addresses. */
const SHOWING_KINDS: readonly OwnRule["kind"][] = ["url", "mail"];
/** Kinds of a text of which nothing is shown. */
const WHOLE_KINDS: readonly (FieldKind | undefined)[] = ["secret", "name", "text", "page"];

/** The kind of a mask, or `keep` for a value without a mask, of which `keepButSecrets` still masks secrets. */
export type FieldKind = MaskKind | "keep" | "keepButSecrets";

/** The rules of one recording. */
export interface MaskRules {
  /**
   * The kind of a value by its field; undefined if no rule names the field.
   * @param owner the object with the field
   * @param above the kind of the object that it is in: what a `text` has is text, unless a rule names the field
   */
  kindOf(
    path: readonly string[],
    owner: object,
    of: "object" | "text",
    above: FieldKind | undefined,
  ): FieldKind | undefined;
  /** Whether a text of a kind stays as it is: one that the rules name, or a mail address that nobody can have. */
  keeps(kind: MaskKind, text: string): boolean;
  /** What the file of the recording asks not to mask: fields, and how many texts. */
  readonly unmasked: { readonly fields: readonly string[]; readonly texts: number };
  /** Whether a replay finds a request whatever this field of the request has, such as a time of the clock. */
  ignores(path: readonly string[]): boolean;
}

/**
 * The rules of a recording: those of its {@link MASKING_FILE}, then those of every recording.
 * @param text the file; undefined without one
 * @throws {RecordingError} for a file of another form
 */
export function maskRules(text: string | undefined): MaskRules {
  const { fields = {}, keep = [] } = text === undefined ? {} : readMaskingFile(text);
  const ofRequests = new FieldTree<"any">();
  const own = new FieldTree<OwnRule>();
  for (const [pattern, kind] of Object.entries(fields)) {
    if (kind === "any") ofRequests.add(pattern, kind);
    else own.add(pattern, { kind, isPattern: pattern.includes("*") });
  }
  const kept = new Set([ANY, ...keep]);
  const keptFields = Object.keys(fields).filter((field) => fields[field] === "keep");
  return {
    unmasked: { fields: keptFields, texts: keep.length },
    kindOf(path, owner, of, above) {
      const isPerson = PERSON_FIELDS.some((field) => Object.hasOwn(owner, field));
      const name = path.at(-1) ?? "";
      const general =
        FIELD_RULES.find((rule) =>
          (isPerson || !rule.ofPerson) && (of === "text" || !rule.ofTexts) && rule.name.test(name)
        )?.kind ?? (above === "text" ? "text" : undefined);
      const rule = own.find(path, ({ kind }) => of === "text" || OF_OBJECTS.includes(kind));
      if (rule === undefined) return general;
      // The file may come with a folder of somebody else: `*` shows no secret, and `keep` alone shows what else is masked.
      if (rule.isPattern && (general === "secret" || general === "url")) return general;
      if (SHOWING_KINDS.includes(rule.kind) && WHOLE_KINDS.includes(general)) return general;
      return rule.isPattern && rule.kind === "keep" ? "keepButSecrets" : rule.kind;
    },
    // A password may look like an address, and a token like a host.
    keeps: (kind, text) => kept.has(text) || (kind === "mail" && RESERVED_HOST.test(text)),
    ignores: (path) => ofRequests.find(path, () => true) !== undefined,
  };
}

function readMaskingFile(text: string): z.output<typeof maskingFile> {
  const bytes = Buffer.byteLength(text);
  if (bytes > MASKING_MAX_BYTES) {
    throw new RecordingError(MASKING_FILE, "", exceeds(bytes, MASKING_MAX_BYTES, formatBytes));
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new RecordingError(MASKING_FILE, "", "is not JSON");
  }
  const parsed = maskingFile.safeParse(json, VIOLATION_OPTIONS);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new RecordingError(
    MASKING_FILE,
    issue?.path.join(".") ?? "",
    issue === undefined ? "is not valid" : violationOf(issue),
  );
}
