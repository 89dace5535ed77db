/** The stores that the other tests are on. */
import { describe, inject, it } from "vitest"
import { refuseMissing } from "./servers/TestServer.ts"

describe("the test servers", () => {
  for (const name of ["minio", "radosgw"] as const) {
    it(`are there where they have to be: ${name}`, (context) => {
      if (inject(name) !== null) return
      refuseMissing(name)
      context.skip("not there")
    })
  }
})
