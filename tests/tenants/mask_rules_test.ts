/** Each field of C1's messages that may hold a secret is masked in a recording, or listed here with the reason. */
import assert from "node:assert/strict";
import ts from "typescript";
import { installed } from "../../src/shared/installation.ts";
import { type Kind, readField } from "../../src/tenants/operation_table.ts";
import { Masker } from "../../src/tenants/recording/masker.ts";
import { recordingFiles } from "../../src/tenants/recording/format.ts";
import { maskRules } from "../../src/tenants/recording/mask_rules.ts";
import { Recorder } from "../../src/tenants/recording/recorder.ts";

/** Names that a secret, a link to a secret, or a person may have: more than the rules match. */
const SUSPECT = new RegExp(
  [
    "secret|passw|passphrase|passcode|pin$|token|credential|key|plaintext|encrypt|cipher|header",
    "params|assertion|cookie|signature|authoriz|otp|hmac|nonce|bearer|jwt|saml|share|webhook",
    "ur[il]s?$|destination|user_?name|(?:as|by)_?name$",
  ].join("|"),
  "i",
);

/** Fields with such a name that a recording shows, by the reason. */
const REVIEWED = {
  "says which one, how or how long, not the secret": [
    ...["accessKeyId", "approvalTokenId", "awsAccessKeyId", "connectorManagedCredentialId"],
    ...["consumerKeyId", "credentialInventoryPolicyId", "keyId", "keyPrefix", "passwordPolicyId"],
    ...["credentialDisplayName", "credentialType", "credentialTypes", "secretType", "tokenSharing"],
    ...["credentialChangeAction", "credentialCompromiseAction", "credentialExpirationDuration"],
    ...["assertionLifetime", "defaultAssertionLifetime", "xaaIdTokenLifetime"],
    ...["defaultIdTokenSignedResponseAlg", "idTokenSignedResponseAlg", "encryptionAlgorithm"],
    ...["tokenEndpointAuthMethod", "oauth2TokenEndpointAuthMethod", "meaningOfSignature"],
  ],
  "the name of a header, whose value is masked": [
    ...["customHeaderName", "header", "headerName", "headerStyle"],
  ],
  "the key of an entry, a column or a request": [
    ...["annotationKeys", "appUserAttributeKey", "appUserKeyCel", "appUserProfileAttributeKey"],
    ...["attributeKey", "dedupKeyParts", "idempotencyKey", "key", "keys", "policyKey", "stepKey"],
    ...["clientKey", "client_key", "userKeyCel", "usernameCel"],
  ],
  "an address of a protocol that everybody may know": [
    ...["acsUrls", "authorizationEndpoint", "authorizeUrl", "baseUrl", "clientIdUrl"],
    ...["clientIdUrls", "defaultAuthorizeUrl", "defaultTokenUrl", "issuerUrl", "jwksUrl"],
    ...["oauth2AuthorizeUrl", "oauth2IssuerUrl", "oauth2TokenUrl", "redirectUris", "resourceUris"],
    ...["tokenEndpoint", "tokenUrl", "tspUrl", "spEncryptionCertificate"],
  ],
  "a page or picture for people": [
    ...["displayUrl", "externalTicketUrl", "externalUrl", "helpUrl", "iconUrl", "logoUri", "uri"],
  ],
  "claims that a token is to have": [
    ...["jwtAudience", "jwtIssuer", "jwtSubject", "oauth2JwtAudience", "oauth2JwtIssuer"],
    ...["oauth2JwtSubject"],
  ],
  "the id or name of a webhook, whose URL is masked": [
    ...["webhookId", "webhookIdCel", "webhookInstanceId", "webhookName"],
  ],
  "a mail address, which is masked wherever it is": [
    ...["authorizedAsEmail", "oauth2ServiceAuthorizedAsEmail"],
  ],
};

interface TextField {
  readonly name: string;
  readonly holds: "object" | "text";
}

Deno.test("each field of C1 with the name of a secret is masked, or was reviewed", () => {
  const rules = maskRules(undefined);
  const fields = [...ofRequests(), ...ofTypes()].filter(({ name }) => SUSPECT.test(name));
  const shown = new Set(
    fields.filter(({ name, holds }) => rules.kindOf([name], {}, holds, undefined) === undefined)
      .map(({ name }) => name),
  );
  assert.deepEqual([...shown].toSorted(), Object.values(REVIEWED).flat().toSorted());
});

/** The parameters of requests, and all fields of their messages, that hold texts. */
function ofRequests(): readonly TextField[] {
  const table = JSON.parse(Deno.readTextFileSync(installed("src/tenants/operations.json")));
  const { operations, messages } = table as {
    readonly operations: Readonly<Record<string, { readonly parameters?: Codes }>>;
    readonly messages: Readonly<Record<string, Codes>>;
  };
  return [
    ...Object.values(operations).map(({ parameters = {} }) => parameters),
    ...Object.values(messages),
  ].flatMap((codes) =>
    Object.entries(codes).flatMap(([name, code]) => textField(name, readField(name, code).kind))
  );
}

type Codes = Readonly<Record<string, string>>;

function textField(name: string, kind: Kind): readonly TextField[] {
  if (kind.is === "list") return textField(name, kind.of);
  if (kind.is === "map") return textField(name, kind.of).map(() => ({ name, holds: "object" }));
  return kind.is === "text" || kind.is === "json" ? [{ name, holds: "text" }] : [];
}

/** A text, not one of C1's own words for a choice; an entry of a list or map of texts; any JSON. */
const TEXT_TYPE = /^(?:Array<)?(?<map>Record<string, )?(?:string|any)>*$/;

/** The fields of all messages that hold texts. Some of these fields are in answers alone. */
function ofTypes(): readonly TextField[] {
  const text = Deno.readTextFileSync(installed("sdk/tenant_types.d.ts"));
  const file = ts.createSourceFile("types.d.ts", text, ts.ScriptTarget.ESNext);
  const fields = file.statements.filter(ts.isInterfaceDeclaration)
    .flatMap(({ members }) => members.filter(ts.isPropertySignature));
  return fields.flatMap(({ name, type }): readonly TextField[] => {
    const found = TEXT_TYPE.exec(type?.getText(file) ?? "");
    if (found === null) return [];
    return [{
      name: name.getText(file).replaceAll('"', ""),
      holds: found.groups?.map === undefined ? "text" : "object",
    }];
  });
}

Deno.test("secrets of C1's own messages are masked, and what is about them is not", () => {
  const masker = new Masker(maskRules(undefined));
  const masked = (value: Readonly<Record<string, unknown>>): unknown => masker.mask(value);
  const mcpServer = {
    awsSigv4: { accessKeyId: "id-1", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCY" },
    customHeader: { headerName: "X-Team-Key", headerValue: "s3cr3t-value" },
    googleServiceAccount: { credentialsJson: "{}" },
    oauth2: { extraTokenParams: { resource: "s3cr3t" }, tokenUrl: "https://corp.io/token" },
    secretType: "TEXT",
    accessTokenTtlSeconds: 60,
  };
  assert.deepEqual(masked(mcpServer), {
    awsSigv4: { accessKeyId: "id-1", secretAccessKey: "masked-secret-1" },
    customHeader: { headerName: "X-Team-Key", headerValue: "masked-secret-2" },
    googleServiceAccount: { credentialsJson: "masked-secret-3" },
    oauth2: {
      extraTokenParams: { resource: "masked-secret-4" },
      tokenUrl: "https://corp.io/token",
    },
    secretType: "TEXT",
    accessTokenTtlSeconds: 60,
  });
  assert.deepEqual(masked({ encryptedContent: "c2VjcmV0", plaintextKey: "gk-1" }), {
    encryptedContent: "masked-secret-5",
    plaintextKey: "masked-secret-6",
  });
  assert.deepEqual(
    masked({ oauth2ServiceAuthorizedAsName: "Ada Lovelace", oauth2ServiceAuthorizedBy: "Ada B." }),
    { oauth2ServiceAuthorizedAsName: "Masked name 1", oauth2ServiceAuthorizedBy: "Masked name 2" },
  );
  // A list of objects is no text, and a field with the name of another secret is.
  assert.deepEqual(masked({ secretTraits: [{ id: "1" }], "X-Api-Key": "k" }), {
    secretTraits: [{ id: "1" }],
    "X-Api-Key": "masked-secret-7",
  });
});

Deno.test("a URL that lets somebody in keeps its host, and signatures are masked in every text", () => {
  const masker = new Masker(maskRules(undefined));
  const hook = "https://hooks.slack.com/services/T000/B000/XXXXXXXX";
  const signed = "https://corp.io/report?X-Amz-Signature=ab12&page=2&sig=xy%3D#code=c0";
  const masked = masker.mask({ url: hook, downloadUrl: signed, note: `${hook}, ${signed}` });
  assert.deepEqual(masked, {
    url: "https://hooks.slack.com/masked-url-1",
    downloadUrl: "https://corp.io/masked-url-2",
    note: "https://hooks.slack.com/masked-secret-1, https://corp.io/report?" +
      "X-Amz-Signature=masked-secret-2&page=2&sig=masked-secret-3#code=masked-secret-4",
  });
  assert.deepEqual(masker.unmaskValue(masked), {
    url: hook,
    downloadUrl: signed,
    note: `${hook}, ${signed}`,
  });
  const whole = ["corp.io", "https://corp.io/", "https://corp.io"].map((url) => ({ url }));
  assert.deepEqual(masker.mask(whole), whole);
  assert.deepEqual(masker.mask({ url: "https://a:b@corp.io/x" }), { url: "masked-url-3" });
});

Deno.test("a secret in the path of a request is masked by the name of its parameter", async () => {
  const recorder = new Recorder(maskRules(undefined));
  const sent: string[] = [];
  const recording = recorder.around({
    send({ path }) {
      sent.push(path);
      return Promise.resolve({ status: 200, headers: {}, body: JSON.stringify({}) });
    },
  });
  const path = "/api/v1/secrets/code/";
  const operation = { namespace: "paperSecret", method: "getByShareCode" };
  const request = { operation, access: "READ", verb: "GET", body: undefined } as const;
  const signal = new AbortController().signal;
  for (const code of ["AbC9", "masked-secret-1"]) {
    await recording.send({ ...request, path: `${path}${code}` }, signal);
  }
  assert.deepEqual(sent, [`${path}AbC9`, `${path}AbC9`]);
  const [text = ""] = recordingFiles(recorder.recording).values();
  assert.deepEqual(
    JSON.parse(text).entries.map(({ request }: { readonly request: unknown }) => request),
    [{ verb: "GET", path: `${path}masked-secret-1` }],
  );
});

Deno.test("`*` in masking.json shows no secret, and a field without `*` does", () => {
  const value = {
    apiKey: "k-1",
    config: { host: "h-1" },
    credential: { first: "part-1" },
    webhookUrl: "https://corp.io/hook-1",
    department: "with Bearer abcdefgh12345",
    displayName: "Ada Lovelace",
    email: "ada@corp.io",
  };
  const shown = (fields: Readonly<Record<string, string>>) =>
    new Masker(maskRules(JSON.stringify({ fields }))).mask(value) as Record<string, unknown>;
  const kept = shown({ "*": "keep" });
  const { displayName, email, department, ...secrets } = kept;
  assert.deepEqual([displayName, email, department], [
    "Ada Lovelace",
    "ada@corp.io",
    "with masked-secret-4",
  ]);
  const texts = JSON.stringify(secrets);
  for (const hidden of ["k-1", "h-1", "part-1", "hook-1"]) {
    assert.ok(!texts.includes(hidden), texts);
  }
  for (const kind of ["mail", "name", "page"]) {
    for (const pattern of ["*", "*.credential", "credential"]) {
      assert.ok(!JSON.stringify(shown({ [pattern]: kind })).includes("part-1"), pattern);
    }
  }
  assert.equal(shown({ apiKey: "keep" }).apiKey, "k-1");
});

Deno.test("only `keep` in masking.json shows what a recording masks without the file", () => {
  const values = [
    { clientSecret: "s3cr3t-value", password: "https://hunter2" },
    { apiKey: "key@example.com", accessToken: "https://corp.io/token-1" },
    {
      email: "ada@corp.io",
      displayName: "https://ada.io/Lovelace",
      givenName: "Ada",
      profile: { ssn: "123", site: "https://ada.io/me", known: { as: "a@example.com" } },
    },
  ];
  const texts = ["s3cr3t", "hunter2", "key@", "corp.io", "token-1", "Ada", "ada", "a@", "123"];
  const names = ["clientSecret", "password", "apiKey", "accessToken", "displayName"];
  for (const kind of ["secret", "url", "mail", "name", "text", "page"]) {
    for (const fields of [["*"], ["profile.*", "known.*"], [...names, "profile.site", "as"]]) {
      const file = { fields: Object.fromEntries(fields.map((field) => [field, kind])) };
      const rules = maskRules(JSON.stringify(file));
      const masked = JSON.stringify(new Masker(rules).mask(values));
      for (const text of texts) assert.ok(!masked.includes(text), `${kind}: ${masked}`);
      assert.deepEqual(rules.unmasked, { fields: [], texts: 0 });
    }
  }
});
