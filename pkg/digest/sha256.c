/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/digest/sha256.h"

#include <string.h>

static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
				    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

static const uint32_t constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

#define NATIVE __attribute__((target("sha,sse4.1")))
#define INLINE static inline __attribute__((always_inline)) NATIVE

bool sha256_is_native(void)
{
	unsigned int a, b, c, d;
	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSE4_1) || !(c & bit_SSSE3))
		return false;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

/* The eight words as the instructions want them: A B E F and C D G H, the first of each in the highest place. */
struct lane {
	__m128i abef, cdgh;
};

INLINE struct lane load(const uint32_t *state)
{
	__m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
	__m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
	return (struct lane){_mm_alignr_epi8(abcd, efgh, 8), _mm_blend_epi16(efgh, abcd, 0xf0)};
}

INLINE void store(struct lane lane, uint32_t *state)
{
	__m128i feba = _mm_shuffle_epi32(lane.abef, 0x1b), dchg = _mm_shuffle_epi32(lane.cdgh, 0xb1);
	_mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
	_mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

/* Four rounds; `words` are those of the message with the constants added. */
INLINE struct lane rounds(struct lane lane, __m128i words)
{
	lane.cdgh = _mm_sha256rnds2_epu32(lane.cdgh, lane.abef, words);
	lane.abef = _mm_sha256rnds2_epu32(lane.abef, lane.cdgh, _mm_shuffle_epi32(words, 0x0e));
	return lane;
}

/* One block for the first `count` lanes. What is made of the message serves all of them; their rounds, each of which
 * waits for the one before, fill one another's pauses. */
INLINE void block(struct lane *lanes, const int count, const unsigned char *data)
{
	const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	__m128i message[4];
	struct lane before[2] = {lanes[0], lanes[count - 1]};
	for (int i = 0; i < 4; i++)
		message[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)data + i), order);
#pragma GCC unroll 16
	for (int i = 0; i < 16; i++) {
		__m128i *now = &message[i & 3], *next = &message[(i + 1) & 3], *last = &message[(i + 3) & 3];
		__m128i words = _mm_add_epi32(*now, _mm_load_si128((const __m128i *)constants + i));
		lanes[0] = rounds(lanes[0], words);
		if (count > 1)
			lanes[1] = rounds(lanes[1], words);
		if (i >= 3 && i < 15)
			*next = _mm_sha256msg2_epu32(_mm_add_epi32(*next, _mm_alignr_epi8(*now, *last, 4)), *now);
		if (i >= 1 && i < 13)
			*last = _mm_sha256msg1_epu32(*last, *now);
	}
	for (int i = 0; i < count; i++) {
		lanes[i].abef = _mm_add_epi32(lanes[i].abef, before[i].abef);
		lanes[i].cdgh = _mm_add_epi32(lanes[i].cdgh, before[i].cdgh);
	}
}

NATIVE static void blocks(uint32_t *state, const unsigned char *data, size_t count)
{
	struct lane lane = load(state);
	for (; count > 0; count--, data += SHA256_BLOCK)
		block(&lane, 1, data);
	store(lane, state);
}

NATIVE static void blocks_both(uint32_t *one, uint32_t *other, const unsigned char *data, size_t count)
{
	struct lane lanes[2] = {load(one), load(other)};
	for (; count > 0; count--, data += SHA256_BLOCK)
		block(lanes, 2, data);
	store(lanes[0], one);
	store(lanes[1], other);
}
#else
bool sha256_is_native(void)
{
	return false;
}

static void blocks(uint32_t *state, const unsigned char *data, size_t count)
{
	(void)state, (void)data, (void)count;
}

static void blocks_both(uint32_t *one, uint32_t *other, const unsigned char *data, size_t count)
{
	(void)one, (void)other, (void)data, (void)count;
}
#endif

void sha256_begin(struct sha256 *sha)
{
	memcpy(sha->state, initial, sizeof(initial));
	sha->length = 0;
}

static size_t rest_length(const struct sha256 *sha)
{
	return sha->length % SHA256_BLOCK;
}

/* Puts bytes to the rest until it makes a block: how many were taken. */
static size_t fill_rest(struct sha256 *sha, const unsigned char *data, size_t length)
{
	size_t there = rest_length(sha), taken = SHA256_BLOCK - there;
	if (there == 0)
		return 0;
	if (taken > length)
		taken = length;
	memcpy(sha->rest + there, data, taken);
	sha->length += taken;
	if (there + taken == SHA256_BLOCK)
		blocks(sha->state, sha->rest, 1);
	return taken;
}

static void keep_rest(struct sha256 *sha, const unsigned char *data, size_t length)
{
	memcpy(sha->rest, data, length);
	sha->length += length;
}

void sha256_add(struct sha256 *sha, const void *data, size_t length)
{
	const unsigned char *bytes = data;
	size_t taken = fill_rest(sha, bytes, length), whole = (length - taken) / SHA256_BLOCK;
	if (taken == length)
		return;
	bytes += taken;
	blocks(sha->state, bytes, whole);
	sha->length += whole * SHA256_BLOCK;
	keep_rest(sha, bytes + whole * SHA256_BLOCK, length - taken - whole * SHA256_BLOCK);
}

void sha256_add_both(struct sha256 *one, struct sha256 *other, const void *data, size_t length)
{
	const unsigned char *bytes = data;
	if (rest_length(one) != rest_length(other)) {
		sha256_add(one, data, length);
		sha256_add(other, data, length);
		return;
	}
	size_t taken = fill_rest(one, bytes, length);
	fill_rest(other, bytes, length);
	size_t whole = (length - taken) / SHA256_BLOCK;
	bytes += taken;
	blocks_both(one->state, other->state, bytes, whole);
	one->length += whole * SHA256_BLOCK;
	other->length += whole * SHA256_BLOCK;
	bytes += whole * SHA256_BLOCK;
	sha256_add(one, bytes, length - taken - whole * SHA256_BLOCK);
	sha256_add(other, bytes, length - taken - whole * SHA256_BLOCK);
}

void sha256_end(struct sha256 *sha, unsigned char *out)
{
	static const unsigned char padding[SHA256_BLOCK] = {0x80};
	unsigned char bits[8];
	for (int i = 0; i < 8; i++)
		bits[i] = (unsigned char)(sha->length * 8 >> (56 - 8 * i));
	size_t there = rest_length(sha);
	sha256_add(sha, padding, (there < 56 ? 56 : 56 + SHA256_BLOCK) - there);
	sha256_add(sha, bits, sizeof(bits));
	for (int i = 0; i < 32; i++)
		out[i] = (unsigned char)(sha->state[i / 4] >> (24 - 8 * (i % 4)));
}
