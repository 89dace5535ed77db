/**
 * The hashings that ship, as layers.
 */
import { Layer } from "effect"
import { type HashAlgorithm, hashTypeFor } from "../domain/ContentHash.ts"
import { Hashing } from "../ports/Hashing.ts"
import { createHasher, hashBytes, hasherForType } from "../workers/HashAlgorithms.ts"

/** Hashing by one of the shipped algorithms. */
export const layer = (algorithm: HashAlgorithm): Layer.Layer<Hashing> =>
  Layer.succeed(Hashing, {
    algorithm,
    typeFor: (size) => hashTypeFor(algorithm, size),
    create: (size) => createHasher(algorithm, size),
    ofBytes: (bytes) => ({ ...hashBytes(algorithm, bytes), size: bytes.length }),
    forType: hasherForType
  })

/** md5 of the whole content: what LaminDB, S3 single-part ETags and GCS `md5Hash` carry. */
export const md5: Layer.Layer<Hashing> = layer("md5")

/** SHA-256 of the whole content: collision-resistant. */
export const sha256: Layer.Layer<Hashing> = layer("sha256")

/** SHA-256 over the SHA-256s of the 8 MiB chunks: the parts of one large file can be hashed side by side. */
export const sha256Tree: Layer.Layer<Hashing> = layer("sha256-tree")

/** The exact values of LaminDB. Unsafe above 50 MiB, where neither the middle of the content nor its size is covered. */
export const lamindb: Layer.Layer<Hashing> = layer("lamindb")
