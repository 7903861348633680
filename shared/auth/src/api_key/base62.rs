//! Base62 of fixed width, most significant digit first.

const ALPHABET: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const DIGITS: &[u8] = ALPHABET.as_bytes();

pub(crate) const fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// `number` mod 62^`N`, zero-padded.
pub(crate) fn digits<const N: usize>(number: u64) -> [u8; N] {
    let mut digits = [DIGITS[0]; N];
    let text = base_x::encode(ALPHABET, &number.to_be_bytes());
    // A leading zero byte is a digit of its own there, and none here.
    let significant = text.trim_start_matches('0').bytes().rev();
    for (digit, value) in digits.iter_mut().rev().zip(significant) {
        *digit = value;
    }
    digits
}

/// A 256-bit number (big-endian) mod 62^`N`, by long division; consumes the number in place, because a library's copies of it are not zeroized.
///
/// From uniform bytes, 22 digits are uniform but for a bias of 62^22 / 2^256 < 2^-124, so nothing has to be drawn again.
pub(crate) fn wide_digits<const N: usize>(number: &mut [u8; 32]) -> [u8; N] {
    let mut digits = [DIGITS[0]; N];
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0u32;
        for byte in number.iter_mut() {
            let dividend = remainder << 8 | u32::from(*byte);
            // remainder < 62, so the quotient fits a byte.
            *byte = (dividend / 62) as u8;
            remainder = dividend % 62;
        }
        *digit = DIGITS[remainder as usize];
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded::Seeded;

    #[test]
    fn digits_are_padded_and_most_significant_first() {
        assert_eq!(&digits::<6>(0), b"000000");
        assert_eq!(&digits::<6>(61), b"00000z");
        assert_eq!(&digits::<6>(62), b"000010");
        assert_eq!(&digits::<6>(u64::from(u32::MAX)), b"4gfFC3");
        assert_eq!(&digits::<2>(62 * 62 + 1), b"01");
    }

    #[test]
    fn the_wide_form_agrees_with_the_narrow_one() {
        let mut random = Seeded::new(1);
        for _ in 0..1_000 {
            let number = random.next();
            let mut wide = [0; 32];
            wide[24..].copy_from_slice(&number.to_be_bytes());
            assert_eq!(wide_digits::<22>(&mut wide), digits::<22>(number));
        }
    }

    #[test]
    fn the_wide_form_uses_every_byte() {
        // 2^248 mod 62^22, computed elsewhere.
        let mut number = [0; 32];
        number[0] = 1;
        assert_eq!(&wide_digits::<22>(&mut number), WIDE);
    }

    const WIDE: &[u8; 22] = b"4XwCuyZfalRej3Z8gTlzA8";

    #[test]
    fn every_character_stands_at_every_place_about_equally_often() {
        let mut random = Seeded::new(2);
        let mut seen = [[0u32; 128]; 22];
        for _ in 0..6_200 {
            let digits = wide_digits::<22>(&mut random.bytes());
            for (place, digit) in digits.into_iter().enumerate() {
                seen[place][usize::from(digit)] += 1;
            }
        }
        for place in seen {
            for digit in DIGITS {
                // Expected 100, standard deviation 10.
                assert!((45..155).contains(&place[usize::from(*digit)]));
            }
        }
    }
}
