import type { LookupAddress } from 'node:dns'
import { lookup as systemLookup } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'
import { YizhanError } from '@yizhan/kernel'
import ipaddr from 'ipaddr.js'

/** Every address of a name. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>

export const systemResolve: Resolve = (host) => systemLookup(host, { all: true })

/** Whether an address is one of the public internet: not of this machine, its networks, or a range with a meaning of its own. */
export function isPublic(address: string): boolean {
  // A mapped IPv4 address is judged as what it is; any other form that carries one is no unicast range.
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast'
}

/**
 * Looks names up for connections to hosts that somebody else named. What it gives is what is connected to, so a name
 * cannot become another address in between. Fails with `permission_denied` if any address is not public, unless the
 * name is among `allowed`.
 */
export function publicLookup(resolve: Resolve, allowed: ReadonlySet<string>): LookupFunction {
  return (host, options, callback) => {
    resolve(host)
      .then((addresses) => {
        if (!allowed.has(host.toLowerCase()) && !addresses.every(({ address }) => isPublic(address))) {
          throw new YizhanError('permission_denied', 'the host is not on the public internet')
        }
        const [first] = addresses
        if (!first) throw new YizhanError('unavailable', 'the host has no address')
        if (options.all) callback(null, [...addresses])
        else callback(null, first.address, first.family)
      })
      .catch((thrown: unknown) => callback(thrown instanceof Error ? thrown : new Error(String(thrown)), ''))
  }
}
