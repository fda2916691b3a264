//! Never returns from `describe`.

use test_guests::base::exports::privacy::saas_connector::connector::{
    Check, Error, Guest, Manifest, Settings,
};

struct DescribeLoops;

impl Guest for DescribeLoops {
    fn describe() -> Manifest {
        loop {
            std::hint::spin_loop();
        }
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        Ok(Vec::new())
    }
}

test_guests::base::export!(DescribeLoops);
