/** Signatures against the example of the documentation: "Authenticating Requests: Using the Authorization Header", PUT Object. */
import { assert, it } from "@effect/vitest"
import { hash } from "node:crypto"
import { signatureOf } from "../src/RequestSignature.ts"

it("a request is signed as the documentation of S3 signs it", () => {
  const signed = signatureOf({
    method: "PUT",
    path: "/test%24file.text",
    query: "",
    headers: { host: "examplebucket.s3.amazonaws.com", date: "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" },
    contentSha256: hash("sha256", "Welcome to Amazon S3.", "hex")
  }, {
    accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", region: "us-east-1", service: "s3"
  }, new Date("2013-05-24T00:00:00Z"))
  assert.deepStrictEqual(signed, {
    "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
    "x-amz-date": "20130524T000000Z",
    authorization: "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
      + "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class, "
      + "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
  })
})
