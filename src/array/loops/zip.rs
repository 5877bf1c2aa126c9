//! A closure over several arrays at once, as a method of the tuple of them: `(&a, &b, &c).zip_with(|x, y, z| …)`.

use ndarray::{DimMax, Dimension, IxDyn};

use crate::array::dist_array::{DistArray, expect};
use crate::array::loops::rows;
use crate::array::method::Input;
use crate::array::operation::argument::hub_among;
use crate::array::operation::operate::into_dimension;
use crate::array::shape::broadcast::broadcast_shape;
use crate::array::shape::dims::Dims;
use crate::element::Element;
use crate::error::{Error, Result};

/// The dimension that arrays of two dimensions are broadcast to.
type Max<A, B> = <A as DimMax<B>>::Output;

macro_rules! zip {
    (
        $(#[$doc:meta])*
        $trait:ident, $zip:ident, $($X:ident $D:ident $x:ident $k:tt),*; $max:ty; $($bound:tt)*
    ) => {
        $(#[$doc])*
        pub trait $trait<$($X: Input<Dim = $D>, $D: Dimension),*>: Sized $($bound)*
        {
            /// `f` of the elements of each place, to whose shape the operands are broadcast. Runs at once, in parallel, on the threads of
            /// this process.
            ///
            /// # Panics
            /// Where the shapes do not fit, the arrays are of two hubs, there is no memory, or `f` panics.
            #[track_caller]
            fn zip_with<R: Element>(self, f: impl Fn($($X::Elem),*) -> R + Sync) -> DistArray<R, $max> {
                expect(self.try_zip_with(f))
            }

            /// The same, with an error where that panics.
            ///
            /// # Errors
            /// [`Error::Shape`], [`Error::ForeignHub`], [`Error::Panicked`] where `f` panicked, [`Error::OutOfMemory`].
            fn try_zip_with<R: Element>(self, f: impl Fn($($X::Elem),*) -> R + Sync) -> Result<DistArray<R, $max>>;
        }

        impl<$($X: Input<Dim = $D>, $D: Dimension),*> $trait<$($X, $D),*> for ($($X,)*) $($bound)*
        {
            fn try_zip_with<R: Element>(self, f: impl Fn($($X::Elem),*) -> R + Sync) -> Result<DistArray<R, $max>> {
                const NAME: &str = "zip_with";
                $(let $x = self.$k.view_arg();)*
                let hub = hub_among(&[$($x.hub()),*])?;
                let mut shape = Dims::new(&[]);
                $(shape = broadcast_shape(NAME, &shape, $x.shape())?;)*
                $(let $x = $x.held(&hub)?;)*
                let unfit = || Error::invalid("operands do not broadcast");
                $(let $x = $x.view.broadcast(&*shape).ok_or_else(unfit)?;)*
                let held = rows::$zip::<$($X::Elem,)* R, IxDyn>(&hub, NAME, ($(&$x,)*), f)?;
                Ok(DistArray::from_held(into_dimension(held)))
            }
        }
    };
}

zip! {
    /// `(&a, &b).zip_with(f)`.
    Zip2, zip2, X DX x 0, Y DY y 1;
    Max<DX, DY>;
    where DX: DimMax<DY>
}
zip! {
    /// `(&a, &b, &c).zip_with(f)`.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let (a, b) = (DistArray::linspace(0.0, 2.0, 3), ndarray::array![[1.0], [10.0]]);
    /// let c = (&a, &b, 0.5).zip_with(|a, b, c| a * b + c);
    /// assert_eq!(c, ndarray::array![[0.5, 1.5, 2.5], [0.5, 10.5, 20.5]]);
    /// ```
    Zip3, zip3, X DX x 0, Y DY y 1, Z DZ z 2;
    Max<Max<DX, DY>, DZ>;
    where DX: DimMax<DY>, Max<DX, DY>: DimMax<DZ>
}
zip! {
    /// `(&a, &b, &c, &d).zip_with(f)`.
    Zip4, zip4, X DX x 0, Y DY y 1, Z DZ z 2, U DU u 3;
    Max<Max<Max<DX, DY>, DZ>, DU>;
    where DX: DimMax<DY>, Max<DX, DY>: DimMax<DZ>, Max<Max<DX, DY>, DZ>: DimMax<DU>
}
zip! {
    /// `(&a, &b, &c, &d, &e).zip_with(f)`.
    Zip5, zip5, X DX x 0, Y DY y 1, Z DZ z 2, U DU u 3, V DV v 4;
    Max<Max<Max<Max<DX, DY>, DZ>, DU>, DV>;
    where
        DX: DimMax<DY>,
        Max<DX, DY>: DimMax<DZ>,
        Max<Max<DX, DY>, DZ>: DimMax<DU>,
        Max<Max<Max<DX, DY>, DZ>, DU>: DimMax<DV>
}
zip! {
    /// `(&a, &b, &c, &d, &e, &f).zip_with(g)`.
    Zip6, zip6, X DX x 0, Y DY y 1, Z DZ z 2, U DU u 3, V DV v 4, W DW w 5;
    Max<Max<Max<Max<Max<DX, DY>, DZ>, DU>, DV>, DW>;
    where
        DX: DimMax<DY>,
        Max<DX, DY>: DimMax<DZ>,
        Max<Max<DX, DY>, DZ>: DimMax<DU>,
        Max<Max<Max<DX, DY>, DZ>, DU>: DimMax<DV>,
        Max<Max<Max<Max<DX, DY>, DZ>, DU>, DV>: DimMax<DW>
}
