/** Port: where new uids come from. Reference implementation: `layers/RandomUids`; tests use a fixed sequence. */
import { Context } from "effect"
import type { UidKind } from "../domain/Uid.ts"

export class UidSource extends Context.Service<UidSource, {
  readonly next: (kind: UidKind) => string
}>()("@sheaf/core/UidSource") {}
